from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.waiting import wait_until
from tests.web.exposition import exposed, names, value
from trabecula.bootstrap.monitoring.answering import ServerAddress, Watched, answering
from trabecula.domain.results.result import Category
from trabecula.domain.study.jobs import Stage
from trabecula.settings import Settings
from trabecula.web.monitoring.parts import MergedParts
from trabecula.web.monitoring.readiness import NotReady, ReadyCheck
from trabecula.web.monitoring.registry import registry_of
from trabecula.web.monitoring.stages import PrometheusObserver


def waits() -> str:
    raise NotReady("the worker waits for the database")


@pytest.fixture
def sockets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="parts-") as folder:  # short: the path of a socket has 107 bytes
        yield Path(folder)


def test_every_metric_of_a_worker() -> None:
    stages = CollectorRegistry()
    observer = PrometheusObserver(stages)
    assert value(exposed(stages), "trabecula_turnaround_seconds_count") == 0

    observer.analysed(Category.NO_FLAG, 12.5)
    observer.done(95.0)
    observer.run_failed(Stage.DELIVER, "DESTINATION_UNREACHABLE")

    text = exposed(stages)
    assert names(text) == {
        "trabecula_analysis_seconds", "trabecula_turnaround_seconds",
        "trabecula_run_failures_total",
    }  # fmt: skip
    assert value(text, "trabecula_analysis_seconds_sum", category="NO_FLAG") == 12.5
    assert value(text, "trabecula_analysis_seconds_bucket", category="NO_FLAG", le="20.0") == 1
    assert value(text, "trabecula_turnaround_seconds_sum") == 95.0
    assert value(text, "trabecula_turnaround_seconds_bucket", le="90.0") == 0
    assert value(text, "trabecula_run_failures_total", stage="deliver", code="DESTINATION_UNREACHABLE") == 1


def test_parts_answer_as_one_and_a_silent_part_is_told(
    sockets: Path, monkeypatch: pytest.MonkeyPatch, require_tool: Callable[[str], str]
) -> None:
    monkeypatch.delenv("TRABECULA_CONFIG", raising=False)
    stages = CollectorRegistry()
    PrometheusObserver(stages).done(40.0)
    path, gone = sockets / "delivery.sock", sockets / "gone.sock"
    watched = Watched(part="work", collectors=(stages,), checks=(ReadyCheck("worker", waits),))
    with answering(Settings(), ServerAddress(path=path), watched):
        wait_until(path.exists)
        merged = MergedParts("serve", registry_of(), {"delivery": path, "gone": gone})
        text = exposed(merged)
        found = {check.name: check.find() for check in merged.checks()}

    assert value(text, "trabecula_part_up", part="delivery") == 1
    assert value(text, "trabecula_part_up", part="gone") == 0
    assert value(text, "trabecula_turnaround_seconds_sum", part="delivery") == 40.0
    assert (
        value(text, "trabecula_build_info", part="serve") == value(text, "trabecula_build_info", part="delivery") == 1
    )
    assert found["delivery"]["detail"] == "the worker waits for the database"
    assert found["gone"]["detail"] == "it does not run, or does not answer"
    lint = subprocess.run(
        [require_tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (lint.returncode, lint.stderr) == (0, "")
