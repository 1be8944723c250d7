"""Alerts, dashboard and documentation name metrics that exist, in a form their readers take."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from tests.certificates import self_signed
from tests.databases import embedded_database_url
from tests.intake.conftest import Running, acknowledged_after, start
from tests.web.exposition import exposed, names
from tests.web.monitoring.test_ledger_metrics import SCOPE
from trabecula.bootstrap.monitoring.listening import listener_watch
from trabecula.intake.journal.folder import JournalFolder
from trabecula.settings import load_settings
from trabecula.web.monitoring.ledger import LedgerWatch
from trabecula.web.monitoring.parts import MergedParts
from trabecula.web.monitoring.registry import registry_of
from trabecula.web.monitoring.stages import PrometheusObserver

__all__ = ["acknowledged_after", "embedded_database_url", "start"]

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "monitoring"
Tool = Callable[[str], str]


def documented() -> set[str]:
    return set(re.findall(r"^\| `(trabecula_\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))


def used(expression: str) -> set[str]:
    """The metrics of an expression; a histogram's parts are the histogram."""
    found = re.findall(r"\b(trabecula_\w+|process_\w+)\b", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def board() -> dict[str, Any]:
    return json.loads((FOLDER / "trabecula-dashboard.json").read_text())


def expressions() -> list[str]:
    return [target["expr"] for panel in panels(board()) for target in panel.get("targets", ())]


def promtool(tool: Tool, *arguments: str) -> str:
    """Return what promtool says of files that it takes."""
    answer = subprocess.run(
        [tool("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


@pytest.mark.parametrize("acknowledged_after", ["journal"], indirect=True)
def test_the_list_of_metrics_is_what_is_exposed(
    embedded_database_url: str, start: Callable[..., Running], tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path, days=9)
    settings = load_settings(data_dir=tmp_path, tls_certificate=certificate, tls_key=key)
    watched = listener_watch(settings, start().listener, JournalFolder(tmp_path / "journal"))
    stages = CollectorRegistry()
    PrometheusObserver(stages)
    registry = registry_of((*watched.collectors, LedgerWatch(lambda: embedded_database_url, SCOPE), stages))
    whole = exposed(MergedParts("serve", registry, {"gone": tmp_path / "gone"}))

    assert names(whole) == documented()


def test_alerts_are_what_prometheus_takes_and_fire_when_they_should(require_tool: Tool) -> None:
    rules = yaml.safe_load((FOLDER / "trabecula-alerts.yml").read_text())["groups"][0]["rules"]

    assert f"SUCCESS: {len(rules)} rules found" in promtool(require_tool, "check", "rules", "trabecula-alerts.yml")
    assert "SUCCESS" in promtool(require_tool, "test", "rules", "trabecula-alerts-test.yml")
    assert "SUCCESS" in promtool(require_tool, "check", "config", "prometheus.yml")


def test_every_alert_is_tested_firing_and_names_metrics_that_exist() -> None:
    alerts = yaml.safe_load((FOLDER / "trabecula-alerts.yml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((FOLDER / "trabecula-alerts-test.yml").read_text())["tests"]
    fired = {sample["labels"] for sample in tests[1]["promql_expr_test"][0]["exp_samples"]}

    assert {f'{{alertname="{alert["alert"]}"}}' for alert in alerts} == fired
    assert set().union(*(used(alert["expr"]) for alert in alerts)) <= documented()
    assert all(alert["labels"]["severity"] in ("page", "ticket") for alert in alerts)


def test_the_dashboard_shows_metrics_that_exist_in_expressions_that_parse(require_tool: Tool, tmp_path: Path) -> None:
    shown = set().union(*(used(expression) for expression in expressions()))
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$instance", ".+")}
        for number, expression in enumerate(expressions())
    ]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))

    assert shown - {"process_resident_memory_bytes"} <= documented()
    assert documented() - shown <= {"trabecula_build_info", "trabecula_listener_up", "trabecula_embedded_database_up",
        "trabecula_associations_accepted_total", "trabecula_journal_bytes", "trabecula_journal_limit_bytes",
        "trabecula_listener_silent_seconds", "trabecula_audit_unsealed", "trabecula_audit_wire_pending"}  # fmt: skip
    promtool(require_tool, "check", "rules", str(tmp_path / "board.yml"))


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    placed = [panel["gridPos"] for panel in panels(board())]
    cells = [
        (x, y) for at in placed for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len({panel["id"] for panel in panels(board())}) == len(placed)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
    assert {item["name"] for item in board()["templating"]["list"]} == {"datasource", "instance"}
