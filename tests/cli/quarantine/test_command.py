"""``trabecula quarantine`` and ``trabecula studies adopt`` as an admin types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import image
from tests.cli.studies.test_command import run
from tests.databases import embedded_database_url
from tests.pipeline.operators.corrections import NEW, OLD, STUDY, Source, source_at
from trabecula.cli import numbers
from trabecula.domain.errors import ConfigurationInvalid

__all__ = ["embedded_database_url"]


@pytest.fixture
def source(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """A finished study of three images that came again with another patient, and one file that is no DICOM."""
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    made = source_at(embedded_database_url, tmp_path)
    made.send([1, 2, 3], OLD)
    made.finish()
    made.send([1, 2, 3], NEW)
    made.store(image(5, 5, 5), content=b"no data set")
    yield made
    made.world.engine.dispose()


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_list_is_readable_at_80_columns(source: Source) -> None:
    shown = run("quarantine", "list").stdout

    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "1-3" in shown
    assert "INSTANCE_CONFLICT" in shown
    assert "INSTANCE_UNPARSABLE" in shown
    assert "4 entries" in shown


def test_show_says_why_what_to_do_and_what_the_file_is(source: Source) -> None:
    shown = run("quarantine", "show", "1").stdout
    odd = run("quarantine", "show", "4").stdout

    assert shown.startswith("INSTANCE_CONFLICT: An instance came twice")
    assert f"studies adopt {STUDY}" in one_line(shown)
    assert "Patient ID: WRONG-1 -> RIGHT-2" in shown
    assert "pixels equal" in shown
    assert str(source.world.spool / "quarantine") in shown
    assert odd.startswith("INSTANCE_UNPARSABLE: ")
    assert "next: " in odd
    assert json.loads(run("quarantine", "show", "1", "--json").stdout)["conflict"]["pixels_equal"] is True


def test_the_study_and_the_list_of_studies_show_the_conflict(source: Source) -> None:
    shown = one_line(run("studies", "show", STUDY).stdout)
    (listed,) = json.loads(run("studies", "list", "--json").stdout)["studies"]
    (conflict,) = json.loads(run("studies", "show", STUDY, "--json").stdout)["conflicts"]

    assert "3 images came again with other headers" in shown
    assert "Patient ID: WRONG-1 -> RIGHT-2" in shown
    assert "nothing happens by itself" in shown
    assert "(3" in run("studies", "list").stdout
    assert listed["conflicts"] == 3
    assert (conflict["images"], conflict["pixels_equal"], conflict["numbers"]) == (3, True, [1, 2, 3])
    assert {"name": "Patient ID", "tag": "(0010,0020)", "in_use": "WRONG-1", "newer": "RIGHT-2"} in conflict[
        "attributes"
    ]


def test_adopt_needs_a_reason_tells_what_it_did_and_logs_no_patient(source: Source) -> None:
    planned = run("studies", "adopt", STUDY, "--dry-run")
    refused = run("studies", "adopt", STUDY)
    done = run("studies", "adopt", STUDY, "--reason", "scanner", "--operator", "Dr. Ada")
    again = run("studies", "adopt", STUDY, "--reason", "scanner")

    assert "would be taken over" in one_line(planned.stdout)
    assert (refused.exit_code, refused.stderr.split(":")[0]) == (2, "REASON_MISSING")
    assert done.exit_code == 0
    assert "3 of 3 images are taken over" in one_line(done.stdout)
    assert "is ANALYSING, revision 2" in one_line(done.stdout)
    line = json.loads(done.stderr)
    assert (line["event"], line["study_uid"], line["images"]) == ("study.corrected", STUDY, 3)
    assert line["who"].startswith("Dr. Ada (command line as ")
    assert "RIGHT" not in done.stderr
    assert "WRONG" not in done.stderr
    assert (again.exit_code, again.stderr.split(":")[0]) == (2, "CORRECTION_MISSING")
    assert source.patients() == {"RIGHT-2"}


def test_delete_by_number_and_by_filter_needs_a_reason_and_a_confirmation(source: Source) -> None:
    nothing = run("quarantine", "delete", "--reason", "x")
    no_reason = run("quarantine", "delete", "4")
    unconfirmed = run("quarantine", "delete", "--code", "INSTANCE_CONFLICT", "--reason", "mistake")
    held = source.world.rows("SELECT count(*) FROM quarantine WHERE state = 'HELD'")
    by_number = run("quarantine", "delete", "4", "--reason", "noise")
    confirmed = run("quarantine", "delete", "--study", STUDY, "--reason", "mistake", "--yes")

    assert (nothing.exit_code, no_reason.exit_code, unconfirmed.exit_code) == (2, 2, 2)
    assert no_reason.stderr.startswith("REASON_MISSING")
    assert unconfirmed.stderr.startswith("CONFIRMATION_MISSING: This needs a confirmation: 3 entries match: 1-3.")
    assert held == [4]
    assert "1 deleted" in by_number.stdout
    assert "3 deleted" in confirmed.stdout
    assert json.loads(confirmed.stderr)["numbers"] == "1-3"
    assert run("quarantine", "list").stdout.strip() == "the quarantine is empty"
    assert source.quarantined_files() == []
    assert "DELETED" in run("quarantine", "list", "--all").stdout


def test_release_tells_each_refusal(source: Source) -> None:
    one = run("quarantine", "release", "4")
    several = run("quarantine", "release", "1-4", "--json")

    assert (one.exit_code, one.stderr.split(":")[0]) == (2, "INSTANCE_UNPARSABLE")
    assert several.exit_code == 1
    document = json.loads(several.stdout)
    assert (document["refused"], [row["code"] for row in document["entries"]]) == (
        4,
        ["RELEASE_REFUSED"] * 3 + ["INSTANCE_UNPARSABLE"],
    )


def test_an_unknown_number_has_a_code_and_a_next_step(source: Source) -> None:
    answer = run("quarantine", "show", "99")

    assert (answer.exit_code, answer.stderr.split(":")[0]) == (2, "QUARANTINE_ENTRY_UNKNOWN")
    assert "quarantine list" in one_line(answer.stderr)


def test_numbers_are_written_and_read_as_ranges() -> None:
    assert numbers.written([1, 2, 3, 7, 9, 10]) == "1-3,7,9-10"
    assert numbers.read(["1-3,7", "9-10"]) == [1, 2, 3, 7, 9, 10]


@pytest.mark.parametrize("word", ["x", "3-1", "-1", "1-999999999", "1.2.3"])
def test_what_is_no_number_is_refused(word: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        numbers.read([word])
