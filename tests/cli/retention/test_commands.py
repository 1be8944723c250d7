from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.databases import embedded_database_url
from tests.pipeline.conftest import PACS
from tests.pipeline.retention.conftest import Kept
from tests.pipeline.world import STUDY, make_world
from trabecula.cli.main import app

__all__ = ["embedded_database_url"]


@pytest.fixture
def kept(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """A confirmed study of 40 days ago, on an installation that keeps images for 30."""
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TRABECULA_DESTINATIONS", "pacs=PACS@127.0.0.1:1")
    monkeypatch.setenv("TRABECULA_KEEP_IMAGES_DAYS", "30")
    monkeypatch.setenv("TRABECULA_KEEP_RESULTS_DAYS", "")
    world = make_world(embedded_database_url, tmp_path, (PACS,))
    world.requester.answer = True
    made = Kept(world, tmp_path)
    made.finish(1, 2)
    made.age(40)
    yield made
    world.engine.dispose()


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_what_would_go_is_shown_then_held_back_then_removed(kept: Kept) -> None:
    shown = json.loads(call("retention", "show", "--json").stdout)
    dry = json.loads(call("retention", "run", "--dry-run", "--json").stdout)
    held = call("retention", "hold", STUDY, "--reason", "a question")
    back = json.loads(call("retention", "show", "--json").stdout)
    none = json.loads(call("retention", "run", "--json").stdout)
    lifted = call("retention", "unhold", STUDY, "--reason", "answered")
    done = json.loads(call("retention", "run", "--json").stdout)

    size = sum(len(f"{STUDY}.5.{number}") for number in (1, 2))
    assert shown["kinds"]["RESULTS"]["keep_days"] is None
    assert shown["kinds"]["IMAGES"]["due"] == 1
    assert shown["disk"]["free_bytes"] > 0
    assert dry["due"][0]["study_uid"] == STUDY
    assert held.exit_code == lifted.exit_code == 0
    assert back["kinds"]["IMAGES"] == {"keep_days": 30, "due": 0, "due_bytes": 0, "held_back": {"HOLD": 1}}
    assert back["holds"][0]["reason"] == "a question"
    assert none == {"images": 0, "results": 0, "size_bytes": 0}
    assert done == {"images": 1, "results": 0, "size_bytes": size}
    assert not kept.path(1).exists()


def test_what_needs_removed_images_says_that_they_are_gone_and_what_to_do(kept: Kept) -> None:
    call("retention", "run")

    for arguments in (
        ("reprocess", STUDY),
        ("name-levels", STUDY, "L1=L2", "--reason", "x"),
        ("adopt", STUDY, "--reason", "x"),
    ):
        answer = call("studies", *arguments)
        assert answer.exit_code == 2, arguments
        assert "IMAGES_REMOVED" in answer.stderr
        assert "studies fetch" in answer.stderr
    assert "ARCHIVE_MISSING" in call("studies", "fetch", STUDY).stderr
    assert "keep_images_days = 30" in call("studies", "show", STUDY).stdout


def test_a_deletion_asks_first_and_its_tombstone_is_shown(kept: Kept) -> None:
    unasked = call("studies", "delete", STUDY, "--reason", "request 7")
    nameless = call("studies", "delete", STUDY, "--yes")
    done = call("studies", "delete", STUDY, "--reason", "request 7", "--operator", "officer", "--yes", "--json")
    shown = json.loads(call("studies", "deleted", STUDY, "--json").stdout)
    allowed = call("studies", "allow", STUDY, "--reason", "consent")

    assert unasked.exit_code == 2
    assert "REASON_MISSING" in nameless.stderr
    assert done.exit_code == 0, done.stderr
    assert shown["images"] == 2
    assert shown["deleted_by"].startswith("officer")
    assert allowed.exit_code == 0
    assert "STUDY_UNKNOWN" in call("studies", "deleted", "1.2.3").stderr
