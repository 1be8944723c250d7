"""The answers of a whole box to monitors, given by the desk: asked of the process that keeps its parts."""

from __future__ import annotations

import http.client
from http import HTTPStatus
from pathlib import Path

from trabecula.web.http.client import ask
from trabecula.web.http.routes import Handler, HttpResponse, Request, Routes
from trabecula.web.monitoring.endpoints import HEALTH, METRICS, READY, MetricsAccess

_SECONDS = 20.0


def forwarding_routes(socket: Path, access: MetricsAccess) -> Routes:
    """Return the three routes, each answered by whoever serves the Unix socket; ``access``: who gets the metrics."""
    forwarded = _forwarded(socket)
    return {
        HEALTH: forwarded,
        READY: forwarded,
        METRICS: lambda request: access.refusal(request) or forwarded(request),
    }


def _forwarded(socket: Path) -> Handler:
    def answer(request: Request) -> HttpResponse:
        try:
            return ask(socket, request, _SECONDS)
        except (OSError, http.client.HTTPException):
            return HttpResponse.text("the service that keeps this desk does not answer", HTTPStatus.SERVICE_UNAVAILABLE)

    return answer
