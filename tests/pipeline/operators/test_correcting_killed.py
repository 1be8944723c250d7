"""SIGKILL while newer headers are taken over: all or nothing, and the command run again ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import embedded_database_url
from tests.pipeline.operators.corrections import NEW, OLD, STUDY, Source, source_at
from trabecula.domain.errors_of.copies import CorrectionMissing
from trabecula.pipeline import adopt_correction, delete_entry

__all__ = ["embedded_database_url"]

ALL = range(1, 6)


@pytest.fixture
def source(embedded_database_url: str, tmp_path: Path) -> Iterator[Source]:
    """A study of five images that is done and came again with another patient."""
    made = source_at(embedded_database_url, tmp_path)
    made.send(ALL, OLD)
    made.finish()
    made.send(ALL, NEW)
    yield made
    made.world.engine.dispose()


def kill_at(moment: str, url: str, folder: Path) -> None:
    script = Path(__file__).with_name("adopting_process.py")
    ended = subprocess.run(
        [sys.executable, str(script), url, str(folder), moment],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(script.parents[2]), *sys.path])},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]


def files_in_use_are_whole(source: Source) -> bool:
    keys = source.world.rows("SELECT spool_key FROM instances")
    return len(keys) == 5 and all((source.world.spool / key).is_file() for key in keys)


@pytest.mark.parametrize("moment", ["files", "rows", "commit"])
def test_killed_before_the_commit_nothing_has_changed_and_the_command_can_be_run_again(
    source: Source, embedded_database_url: str, tmp_path: Path, moment: str
) -> None:
    kill_at(moment, embedded_database_url, tmp_path)

    assert source.patients() == {"WRONG-1"}
    assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", 1)]
    assert source.world.rows("SELECT state, count(*) FROM quarantine GROUP BY 1") == [("HELD", 5)]

    source.send(ALL, NEW)
    adopt_correction(source.world.services, STUDY, "tester", "wrong patient")
    source.world.run_all()

    assert source.patients() == {"RIGHT-2"}
    assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", 2)]
    assert files_in_use_are_whole(source)
    assert source.quarantined_files() == []


def test_killed_after_the_commit_everything_is_taken_over_once(
    source: Source, embedded_database_url: str, tmp_path: Path
) -> None:
    kill_at("committed", embedded_database_url, tmp_path)

    with pytest.raises(CorrectionMissing):
        adopt_correction(source.world.services, STUDY, "tester", "wrong patient")
    source.world.run_all()

    assert source.patients() == {"RIGHT-2"}
    assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", 2)]
    assert files_in_use_are_whole(source)
    assert source.world.events(STUDY).count("CORRECTED") == 1


def test_what_a_killed_command_left_goes_with_the_entries_that_are_deleted(
    source: Source, embedded_database_url: str, tmp_path: Path
) -> None:
    kill_at("commit", embedded_database_url, tmp_path)

    for number in source.world.rows("SELECT id FROM quarantine"):
        delete_entry(source.world.services, number, "tester", "sent by mistake")

    kept = {str(path.relative_to(source.world.spool)) for path in (source.world.spool / "objects").rglob("*.dcm")}
    assert kept == set(source.world.rows("SELECT spool_key FROM instances"))
    assert source.quarantined_files() == []
