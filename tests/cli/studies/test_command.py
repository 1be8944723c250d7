from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.databases import embedded_database_url
from tests.pipeline.conftest import PACS
from tests.pipeline.world import STUDY, World, make_world
from trabecula.cli.main import app
from trabecula.cli.results.result_table import show_result
from trabecula.pipeline import register_instance

__all__ = ["embedded_database_url"]


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A ledger with one finished study, and the command line pointed at it."""
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    made = make_world(embedded_database_url, tmp_path, (PACS,))
    for number in range(3):
        register_instance(made.services.open_ledger, made.instance(number), 60.0)
    made.be_quiet()
    made.run_all()
    yield made
    made.engine.dispose()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_show_gives_the_published_document_and_the_audit_trail(world: World) -> None:
    document = json.loads(run("studies", "show", STUDY, "--json").stdout)

    assert (document["study_uid"], document["revision"], document["state"]) == (STUDY, 1, "DONE")
    assert document["category"] in {"LOW_BONE_DENSITY_SUSPECTED", "INDETERMINATE", "NO_FLAG", "NOT_EVALUABLE"}
    assert set(document) >= {"reasons", "levels", "scores", "objects", "timings", "events"}
    assert {item["kind"] for item in document["objects"]} >= {"SR"}
    assert [event["what"] for event in document["events"]] == world.events()


def test_show_for_people_names_state_category_and_objects(world: World) -> None:
    shown = run("studies", "show", STUDY).stdout

    assert "state DONE" in shown
    assert "audit trail" in shown
    assert "pacs" in shown
    assert "RESEARCH USE ONLY" in shown


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), 1),
        (("--state", "done"), 1),
        (("--state", "failed"), 0),
        (("--scanner", "scan 3000"), 1),
        (("--scanner", "another"), 0),
        (("--from", "2999-01-01"), 0),
        (("--to", "2001-01-01"), 0),
        (("--model", "no-such-model"), 0),
    ],
)
def test_list_filters(world: World, filters: tuple[str, ...], found: int) -> None:
    document = json.loads(run("studies", "list", "--json", *filters).stdout)

    assert (document["total"], len(document["studies"])) == (found, found)


def test_export_is_csv_with_one_header(world: World, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"

    on_screen = run("studies", "export").stdout
    run("studies", "export", "--out", str(file))

    rows = list(csv.DictReader(io.StringIO(on_screen)))
    assert [row["study_uid"] for row in rows] == [STUDY]
    assert rows[0]["scanner_model"] == "SCAN 3000"
    assert file.read_text().splitlines() == on_screen.splitlines()


def test_reprocess_makes_the_next_revision_and_says_who_did_it(world: World) -> None:
    answer = run("studies", "reprocess", STUDY)
    world.run_all()

    document = json.loads(run("studies", "show", STUDY, "--json").stdout)
    trace = next(event for event in document["events"] if event["what"] == "REPROCESSED")
    assert answer.exit_code == 0
    assert (document["revision"], document["state"]) == (2, "DONE")
    assert trace["who"].endswith("(command line)")


def test_cancel_and_retry_a_study_that_is_being_received(world: World) -> None:
    register_instance(world.services.open_ledger, world.instance(7), 60.0)

    cancelled = run("studies", "cancel", STUDY, "--json")
    state = world.state()
    retried = run("studies", "retry", STUDY)

    assert (cancelled.exit_code, state) == (0, "CANCELLED")
    assert json.loads(cancelled.stdout) == {"study_uid": STUDY, "state": "CANCELLED", "revision": 1}
    assert retried.exit_code == 0
    assert world.state() in {"RECEIVING", "ANALYSING"}


def test_settle_takes_a_study_as_complete_at_once(world: World) -> None:
    register_instance(world.services.open_ledger, world.instance(7), 60.0)

    answer = run("studies", "settle", STUDY)

    assert answer.exit_code == 0
    assert "is ANALYSING, revision 2" in answer.stdout.replace("\n", " ")
    assert world.state() == "ANALYSING"


@pytest.mark.parametrize(
    ("arguments", "code", "step"),
    [
        (("studies", "show", "1.2.3"), "STUDY_UNKNOWN", "studies list"),
        (("studies", "retry", STUDY), "TRANSITION_REFUSED", "studies show"),
        (("studies", "list", "--reason", "NOPE"), "CONFIGURATION_INVALID", "trabecula.example.toml"),
    ],
)
def test_a_refusal_has_a_code_a_sentence_and_a_next_step(
    world: World, arguments: tuple[str, ...], code: str, step: str
) -> None:
    answer = run(*arguments)

    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"{code}: ")
    assert step in answer.stderr


def test_the_quarantine_lists_what_cannot_be_used(world: World) -> None:
    register_instance(world.services.open_ledger, world.instance(9, fault="no Study Instance UID"), 60.0)

    document = json.loads(run("quarantine", "list", "--json").stdout)

    assert len(document) == 1
    assert "no Study Instance UID" in json.dumps(document)


def test_series_not_used_stand_apart_from_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    reason = {"code": "ORIENTATION", "blocking": False, "detail": "axial", "sentence": "", "next_step": ""}
    series = {"series_uid": "1.2", "number": 6, "description": "", "modality": "MR", "images_total": 20}
    document = {
        "series_used": [series | {"number": 5, "images_used": 19, "role": "T1w", "reasons": []}],
        "series_not_used": [series | {"images_used": 0, "role": None, "reasons": [reason]}],
        "reasons": [],
    }

    show_result(document)

    shown = capsys.readouterr().out
    assert "Series 5: 19 of 20 images used." in shown
    assert "Not used: series 6 (axial)." in shown
    assert "reasons:" not in shown
