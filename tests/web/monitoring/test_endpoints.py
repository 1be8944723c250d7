from __future__ import annotations

import json
import threading
from pathlib import Path

from prometheus_client import CollectorRegistry

from trabecula.bootstrap.monitoring.answering import _token
from trabecula.web.http.routes import HttpResponse, Request, answer_of
from trabecula.web.monitoring.endpoints import MetricsAccess, monitoring_routes
from trabecula.web.monitoring.readiness import NotReady, ReadyCheck
from trabecula.web.monitoring.refreshed import Refreshed


def ask(access: MetricsAccess, path: str, token: str = "", *checks: ReadyCheck) -> HttpResponse:
    routes = monitoring_routes(CollectorRegistry(), lambda: checks, access)
    return answer_of(routes, Request(path=path, headers={"authorization": f"Bearer {token}"} if token else {}))


def lost() -> str:
    raise NotReady("the disk of /data does not answer")


def test_health_and_readiness_are_free_and_metrics_are_for_loopback_alone() -> None:
    outside = MetricsAccess(loopback=False)

    assert ask(MetricsAccess(loopback=True), "/metrics").status == 200
    assert (ask(outside, "/healthz").status, ask(outside, "/readyz").status) == (200, 200)
    refused = ask(outside, "/metrics")
    assert (refused.status, b"metrics_token_file" in refused.body) == (403, True)


def test_with_a_token_metrics_are_for_who_shows_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("let-me-in\n")
    access = MetricsAccess(loopback=False, token=lambda: _token(file))

    assert ask(access, "/metrics", "let-me-in").status == 200
    assert [ask(access, "/metrics", shown).status for shown in ("", "let-me", "let-me-in2")] == [401] * 3
    file.write_text("another")  # changed without a restart
    assert [ask(access, "/metrics", shown).status for shown in ("let-me-in", "another")] == [401, 200]


def test_a_token_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    access = MetricsAccess(loopback=True, token=lambda: _token(tmp_path / "gone"))

    assert [ask(access, "/metrics", shown).status for shown in ("", "x")] == [401, 401]


def test_readiness_names_each_check_and_what_is_missing() -> None:
    checks = (ReadyCheck("listener", lambda: "it takes connections"), ReadyCheck("disk", lost))

    answer = ask(MetricsAccess(loopback=False), "/readyz", "", *checks)

    assert answer.status == 503
    assert json.loads(answer.body) == {
        "ready": False,
        "checks": [
            {"name": "listener", "ok": True, "detail": "it takes connections"},
            {"name": "disk", "ok": False, "detail": "the disk of /data does not answer"},
        ],
    }


def test_a_figure_is_read_once_for_all_who_ask_and_kept_for_a_while() -> None:
    readings = []
    figure = Refreshed(lambda: readings.append(1) or len(readings), keep_s=60, patience_s=10)

    assert [figure.value() for _ in range(5)] == [1] * 5


def test_nobody_waits_for_a_figure_that_does_not_come() -> None:
    free = threading.Event()
    figure = Refreshed(lambda: free.wait(30) and "late", keep_s=60, patience_s=0.05)

    assert figure.value() is None
    free.set()
    patient = Refreshed(lambda: "now", keep_s=60, patience_s=10)
    assert patient.value() == "now"
    while figure.value() is None:
        pass
    assert figure.value() == "late"


def test_the_last_figure_is_shown_at_once_while_a_newer_one_is_read() -> None:
    readings: list[threading.Event] = []

    def read() -> int:
        readings.append(threading.Event())
        if len(readings) == 2:
            assert readings[1].wait(30)
        return len(readings)

    figure = Refreshed(read, keep_s=0.0, patience_s=10)
    assert figure.last() == 1
    assert [figure.last() for _ in range(3)] == [1, 1, 1]
    assert len(readings) == 2
    readings[1].set()
    while figure.last() == 1:
        pass
    assert figure.last() >= 2
