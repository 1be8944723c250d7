from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.databases import embedded_database_url
from tests.pipeline.world import STUDY, World, make_world
from trabecula.cli.main import app
from trabecula.domain.study.jobs import Stage
from trabecula.pipeline import register_instance

__all__ = ["embedded_database_url"]


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A study whose analysis waits, on an installation with one destination."""
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TRABECULA_DESTINATIONS", "PACS=PACS@127.0.0.1:1")
    made = make_world(embedded_database_url, tmp_path)
    register_instance(made.services.open_ledger, made.instance(1), 0.0)
    made.be_quiet()
    made.run_next(Stage.SETTLE)
    yield made
    made.engine.dispose()


def listed() -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(CliRunner().invoke(app, ["queue", "list", "--json"]).stdout)
    return found


def test_what_waits_is_listed_and_a_study_can_be_put_first(world: World) -> None:
    (before,) = listed()["lanes"]
    answer = CliRunner().invoke(app, ["studies", "prioritise", STUDY, "urgent"])
    (after,) = listed()["lanes"]
    words = CliRunner().invoke(app, ["queue", "list"]).stdout

    assert (before["queue"], before["stage"], before["lane"], before["waiting"]) == ("cpu", "analyse", "ROUTER", 1)
    assert (before["priority"], answer.exit_code, after["priority"]) == ("ROUTINE", 0, "URGENT")
    assert "URGENT" in words


def test_queues_and_destinations_are_paused_and_resumed_by_name(world: World) -> None:
    for name in ("cpu", "PACS", "PACS"):
        assert CliRunner().invoke(app, ["queue", "pause", name]).exit_code == 0
    unknown = CliRunner().invoke(app, ["queue", "pause", "NOWHERE"])
    paused = [(row["queue"], row["destination"]) for row in listed()["paused"]]
    words = CliRunner().invoke(app, ["queue", "list"]).stdout
    resumed = [CliRunner().invoke(app, ["queue", "resume", name]).stdout for name in ("cpu", "PACS", "PACS")]

    assert paused == [("cpu", ""), ("io", "PACS")]
    assert unknown.exit_code == 2
    assert "nothing to PACS is started" in words
    assert [text.strip() for text in resumed] == ["cpu goes on", "PACS goes on", "PACS was not paused"]
    assert listed()["paused"] == []
