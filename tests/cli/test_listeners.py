from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.databases import embedded_database_url
from tests.pipeline.world import World, make_world
from trabecula.cli.main import app
from trabecula.domain.study.reception import ListenerStanding
from trabecula.jobs.registrar import LedgerReceptionRegister

__all__ = ["embedded_database_url"]


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    made = make_world(embedded_database_url, tmp_path)
    yield made
    made.engine.dispose()


def _publish(world: World, name: str, minutes: float) -> None:
    until = datetime.now(UTC) - timedelta(minutes=minutes)
    register = LedgerReceptionRegister(world.services.open_ledger, 60.0)
    register.publish(
        ListenerStanding(journal_uid=f"1.{name}", name=name, registered_until=until, backlog_bytes=9 << 20)
    )


def test_each_listener_shows_how_far_it_is(world: World) -> None:
    _publish(world, "A", 0)
    _publish(world, "B", 10)

    rows = json.loads(CliRunner().invoke(app, ["listeners", "list", "--json"]).stdout)
    words = CliRunner().invoke(app, ["listeners", "list"]).stdout

    assert [(row["name"], row["ended"], row["backlog_bytes"]) for row in rows] == [
        ("A", False, 9 << 20),
        ("B", False, 9 << 20),
    ]
    assert 599 < rows[1]["behind_seconds"] < 700
    assert abs(rows[0]["clock_off_seconds"]) < 5
    assert "1.B" in words


def test_one_that_is_gone_for_good_is_forgotten(world: World) -> None:
    _publish(world, "B", 10)

    answer = CliRunner().invoke(app, ["listeners", "forget", "1.B"])
    unknown = CliRunner().invoke(app, ["listeners", "forget", "1.C"])

    assert (answer.exit_code, unknown.exit_code) == (0, 2)
    assert world.rows("SELECT ended_at IS NOT NULL FROM listeners") == [True]
