"""``trabecula audit`` as an admin types it, and the entries that other commands leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from typer.testing import CliRunner, Result

from tests.databases import embedded_database_url
from tests.pipeline.conftest import PACS
from tests.pipeline.world import STUDY, World, make_world
from trabecula.cli.main import app
from trabecula.domain.audit.chain import Head
from trabecula.ledger.audit.heads import append_head, read_heads
from trabecula.pipeline import register_instance

__all__ = ["embedded_database_url"]


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A finished study of a patient with an ID, and the command line pointed at it."""
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    made = make_world(embedded_database_url, tmp_path, (PACS,))
    register_instance(made.services.open_ledger, made.instance(1), 60.0)
    made.be_quiet()
    made.run_all()
    made.rows("UPDATE studies SET patient_id = 'MRN-4711', patient_id_issuer = 'HOSPITAL' RETURNING study_uid")
    yield made
    made.engine.dispose()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def listed(*arguments: str) -> list[tuple[str, str]]:
    rows = json.loads(run("audit", "list", "--json", *arguments).stdout)
    return [(row["action"], row["detail"] or row["subject"]) for row in reversed(rows)]


def superuser(world: World, statement: str) -> None:
    with psycopg.connect(world.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)) as opened:
        opened.execute("SET session_replication_role = replica")
        opened.execute(statement.encode())


def test_commands_that_change_something_leave_entries_with_who_and_whom(world: World) -> None:
    assert world.rows("SELECT action FROM audit_entries") == []  # what the service does by itself is in its own trail

    for arguments in (
        ("studies", "reprocess", STUDY), ("studies", "cancel", STUDY), ("studies", "prioritise", STUDY, "urgent"),
        ("retention", "hold", STUDY, "--reason", "Mrs. Miller"), ("retention", "unhold", STUDY, "--reason", "done"),
        ("queue", "pause", "cpu"), ("queue", "resume", "cpu"), ("queue", "resume", "cpu"),
        ("database", "add-reader", "audit_reader"), ("database", "remove-reader", "audit_reader"),
    ):  # fmt: skip
        assert run(*arguments).exit_code in (0, 2), arguments

    found = listed()
    assert found == [
        ("STUDY_CHANGED", "REPROCESSED, revision 2"), ("STUDY_CHANGED", "CANCELLED, revision 2"),
        ("STUDY_CHANGED", "PRIORITISED"), ("RETENTION_HOLD_SET", "HELD"), ("RETENTION_HOLD_LIFTED", "UNHELD"),
        ("QUEUE_PAUSED", "cpu"), ("QUEUE_RESUMED", "cpu"), ("READER_ROLE_ADDED", "audit_reader"),
        ("READER_ROLE_REMOVED", "audit_reader"),
    ]  # fmt: skip
    assert "Miller" not in repr(world.rows("SELECT row(e.*)::text FROM audit_entries e"))
    row = json.loads(run("audit", "list", "--json", "--action", "retention_hold_set").stdout)[0]
    assert row["who"].endswith("(command line)")
    assert row["who_kind"] == "command line"
    assert row["studies"] == [STUDY]
    assert row["patients"] == [{"patient_id": "MRN-4711", "issuer": "HOSPITAL"}]


def test_the_log_answers_who_looked_at_a_patient_and_says_who_asked(world: World) -> None:
    run("studies", "reprocess", STUDY)
    run("queue", "pause", "cpu")

    assert listed("--patient", "MRN-4711") == [("STUDY_CHANGED", "REPROCESSED, revision 2")]
    assert listed("--patient", "MRN-4711", "--issuer", "OTHER") == []
    assert listed("--study", STUDY)[0][0] == "STUDY_CHANGED"
    assert listed("--who", "nobody") == listed("--patient", "unknown") == []
    assert listed("--since", "2099-01-01") == []
    assert run("audit", "list", "--action", "NOTHING").exit_code == 2
    assert {action for action, _ in listed("--action", "AUDIT_VIEWED")} == {"AUDIT_VIEWED"}
    words = run("audit", "list", "--limit", "2").stdout
    assert "older ones: --before" in words
    lines = run("audit", "list", "--fhir", "--action", "QUEUE_PAUSED").stdout.splitlines()
    assert AuditEvent.model_validate_json(lines[0]).type.code == "110113"


def test_a_deleted_study_leaves_entries_that_name_nobody_and_a_log_that_is_whole(world: World) -> None:
    run("studies", "reprocess", STUDY)
    run("studies", "cancel", STUDY)
    assert run("audit", "verify").exit_code == 0

    assert run("studies", "delete", STUDY, "--reason", "asked for", "--yes").exit_code == 0

    assert run("audit", "verify").exit_code == 0
    assert [action for action, _ in listed()][2:4] == ["STUDY_DELETED", "PERSON_FORGOTTEN"]
    row = json.loads(run("audit", "list", "--json", "--action", "STUDY_DELETED").stdout)[0]
    assert row["studies"][0].startswith("pseudonym:")
    assert list(row["patients"][0]) == ["pseudonym"]
    assert "a person no longer here" in run("audit", "list", "--action", "STUDY_DELETED").stdout
    assert listed("--patient", "MRN-4711") == listed("--study", STUDY) == []
    assert "MRN-4711" not in repr(world.rows("SELECT row(e.*)::text FROM audit_entries e"))


def test_verify_tells_what_was_changed_and_what_was_cut_off(world: World, tmp_path: Path) -> None:
    assert "the log is whole: 0" in run("audit", "verify").stdout
    assert run("audit", "head").stdout.strip() == "the log is empty"
    for _ in range(3):
        run("queue", "pause", "cpu")
    newest = json.loads(run("audit", "head", "--json").stdout)
    copy = tmp_path / "copy.jsonl"
    append_head(copy, Head(newest["number"], newest["seal"]))
    whole = json.loads(run("audit", "verify", "--json").stdout)
    assert (whole["ok"], whole["entries"], whole["unsealed"], whole["head"]["number"]) == (True, 3, 0, 3)
    assert [head.number for head in read_heads(tmp_path / "audit" / "head.jsonl")] == [3]

    superuser(world, "UPDATE audit_entries SET who = 'eve' WHERE id = 2")
    altered = run("audit", "verify")
    assert altered.exit_code == 1
    assert "ALTERED" in altered.stdout
    superuser(world, "DELETE FROM audit_seals WHERE number > 1; DELETE FROM audit_entries WHERE id > 1")
    cut = json.loads(run("audit", "verify", "--json", "--head", str(copy)).stdout)
    assert [(item["kind"], item["number"]) for item in cut["faults"]] == [("TRUNCATED", 2)]
    (tmp_path / "audit" / "head.jsonl").unlink()
    assert json.loads(run("audit", "verify", "--json").stdout)["faults"][0]["kind"] == "NO_HEAD"
    unreadable = run("audit", "verify", "--head", str(tmp_path / "nowhere"))
    assert (unreadable.exit_code, "AUDIT_HEAD_INVALID" in unreadable.stderr) == (2, True)


def test_export_writes_every_sealed_entry_as_kept_dicom_and_fhir(world: World) -> None:
    run("queue", "pause", "cpu")

    kept = [json.loads(line) for line in run("audit", "export").stdout.splitlines()]
    dicom = run("audit", "export", "--format", "dicom").stdout.splitlines()
    fhir = run("audit", "export", "--format", "fhir", "--after", "1").stdout.splitlines()

    assert [(number, line[3]) for number, line in kept] == [(1, "QUEUE_PAUSED"), (2, "AUDIT_EXPORTED")]
    assert [line.count("<AuditMessage>") for line in dicom] == [1, 1, 1]
    assert [AuditEvent.model_validate_json(line).action for line in fhir] == ["R", "R", "R"]
