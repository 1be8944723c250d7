"""/healthz, /readyz and /metrics as routes, and who may read the metrics."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from trabecula.web.http.routes import HttpResponse, Request, Routes
from trabecula.web.monitoring.readiness import ReadyCheck, readiness_answer

HEALTH, READY, METRICS = "/healthz", "/readyz", "/metrics"


@dataclass(frozen=True, kw_only=True)
class MetricsAccess:
    """Who may read the metrics: everybody on loopback; elsewhere, and where there is a token, who shows it."""

    loopback: bool
    token: Callable[[], str | None] = lambda: None
    """Reads the token anew for each request, so that it can be changed; None where none is set."""

    def refusal(self, request: Request) -> HttpResponse | None:
        """Return why this request gets no metrics, None where it does."""
        token = self.token()
        if token is None:
            if self.loopback:
                return None
            return HttpResponse.text(
                "metrics are for this host alone; set metrics_token_file to give them to others", HTTPStatus.FORBIDDEN
            )
        shown = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if token and hmac.compare_digest(shown.encode(), token.encode()):
            return None
        answer = HttpResponse.text("a token is needed: Authorization: Bearer TOKEN", HTTPStatus.UNAUTHORIZED)
        return HttpResponse(status=answer.status, body=answer.body, headers={"WWW-Authenticate": "Bearer"})


def monitoring_routes(
    collector: Collector, checks: Callable[[], Sequence[ReadyCheck]], access: MetricsAccess
) -> Routes:
    """Return the three routes; nothing in their answers is of any patient."""

    def health(_request: Request) -> HttpResponse:
        return HttpResponse.text("alive")

    def ready(_request: Request) -> HttpResponse:
        return readiness_answer(checks())

    def metrics(request: Request) -> HttpResponse:
        return access.refusal(request) or HttpResponse(
            content_type=CONTENT_TYPE_PLAIN_0_0_4, body=generate_latest(collector)
        )

    return {HEALTH: health, READY: ready, METRICS: metrics}
