from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.retention.conftest import Kept
from tests.pipeline.world import STUDY
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.errors_of.retention import DeletionUnfinished, StudyDeleted, StudyDeletedMeanwhile, StudyHeld
from trabecula.intake.journal.traces import segments_with
from trabecula.pipeline import turn_away
from trabecula.pipeline.retention import deleting
from trabecula.pipeline.retention.deleting import allow_study, delete_study, finish_deletions

OTHER = "1.2.826.0.12"
"""Begins with the UID of the first study."""


def delete(kept: Kept, **options: float) -> object:
    return delete_study(kept.retention, STUDY, who="officer", reason="request 7", **options)


def everywhere(kept: Kept, study_uid: str) -> list[str]:
    """Return every table and every file in which the UID stands."""
    tables = kept.world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = [
        table
        for table in tables
        if kept.world.rows(f'SELECT 1 FROM "{table}" t WHERE t::text ~ :uid LIMIT 1', uid=rf"{study_uid}(\D|$)")
    ]
    return found + [str(path) for path in kept.results.rglob("*") if study_uid in path.parts]


def test_nothing_of_a_deleted_study_is_left_but_its_tombstone(kept: Kept) -> None:
    kept.finish(1, 2)
    kept.finish(1, study_uid=OTHER)
    kept.world.rows(
        "INSERT INTO quarantine (sop_instance_uid, study_uid, sop_class_uid, spool_key, size_bytes, sha256, "
        "calling_ae_title, association_id, received_at, last_received_at, code, sentence) VALUES (:sop, :uid, '', "
        "'quarantine/ab.dcm', 0, 'ab', '', '', now(), now(), 'INSTANCE_CONFLICT', '')",
        sop=f"{STUDY}.5.1",
        uid=STUDY,
    )
    held = kept.spool.root / "quarantine" / "ab.dcm"
    held.write_bytes(b"x")

    tombstone = delete(kept)

    assert everywhere(kept, STUDY) == []
    assert not kept.path(1).exists()
    assert not held.exists()
    assert kept.path(1, OTHER).exists()
    assert kept.world.state(OTHER) == "DONE"
    counts = "SELECT deleted_by, reason, images, revisions, quarantined, study_uid FROM deleted_studies"
    assert kept.world.rows(counts) == [("officer", "request 7", 2, 1, 1, "")]
    assert tombstone.ended_at is not None  # type: ignore[attr-defined]
    with pytest.raises(StudyDeleted, match="officer"):
        delete(kept)


def test_references_go_with_the_last_study_of_the_patient(kept: Kept) -> None:
    kept.finish(1)
    kept.finish(1, study_uid=OTHER)
    kept.world.rows(
        "INSERT INTO reference_results (patient_id, measured_on, method, site) "
        "VALUES ('4711', '2026-01-01', 'DXA', 'x')"
    )

    delete(kept)
    assert kept.world.rows("SELECT count(*) FROM reference_results") == [1]
    delete_study(kept.retention, OTHER, who="officer", reason="request 8")

    assert kept.world.rows("SELECT count(*) FROM reference_results") == [0]
    assert kept.world.rows("SELECT reference_results FROM deleted_studies ORDER BY begun_at") == [0, 1]


def test_late_images_are_dropped_and_counted_until_an_operator_allows_them(kept: Kept) -> None:
    kept.finish(1)
    delete(kept)

    assert turn_away(kept.world.services.open_ledger, {STUDY: 3, OTHER: 1}) == {STUDY}
    with pytest.raises(StudyDeletedMeanwhile):
        kept.receive(1)
    assert kept.world.rows("SELECT count(*) FROM studies") == [0]
    assert kept.world.rows("SELECT dropped FROM deleted_studies") == [3]
    with pytest.raises(ReasonMissing):
        allow_study(kept.retention, STUDY, who="officer", reason=" ")
    allow_study(kept.retention, STUDY, who="officer", reason="consent given again")
    kept.finish(1)

    assert kept.world.rows("SELECT state, revision FROM studies") == [("DONE", 1)]


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.pipeline.retention.conftest import Kept
from tests.pipeline.world import STUDY, make_world
from trabecula.pipeline.retention.deleting import delete_study

url, folder, step, moment = sys.argv[1:]
kept = Kept(make_world(url, Path(folder)), Path(folder))
real = getattr(kept.retention.files, step)

def killed(*arguments):
    if moment == "after":
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(kept.retention.files, step, killed)
delete_study(kept.retention, STUDY, who="officer", reason="request 7")
"""


@pytest.mark.parametrize(
    ("step", "moment"),
    [
        ("remove_images", "before"),
        ("remove_results", "after"),
        ("remove_traces", "after"),
    ],
)
def test_a_deletion_that_is_killed_at_any_step_is_gone_on_with(
    kept: Kept, step: str, moment: str, tmp_path: Path, embedded_database_url: str
) -> None:
    kept.finish(1, 2)

    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, embedded_database_url, str(tmp_path), step, moment],
        cwd=Path(__file__).parents[3],
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert kept.world.rows("SELECT study_uid, ended_at IS NULL FROM deleted_studies") == [(STUDY, True)]
    with pytest.raises(StudyDeletedMeanwhile):
        kept.receive(3)
    assert finish_deletions(kept.retention) == 1
    assert everywhere(kept, STUDY) == []
    assert not kept.path(1).exists()
    assert finish_deletions(kept.retention) == 0


def test_a_running_job_and_a_journal_that_still_holds_it_are_waited_for(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "_LOOK_SECONDS", 0.01)
    kept.finish(1)
    kept.world.rows(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) "
        "VALUES ('cpu', 'trabecula.analyse', jsonb_build_object('study_uid', CAST(:uid AS text)), 'doing')",
        uid=STUDY,
    )

    with pytest.raises(DeletionUnfinished, match="job"):
        delete(kept, patience_s=0.05)
    assert kept.path(1).exists()
    kept.world.rows("DELETE FROM procrastinate_jobs")
    monkeypatch.setattr(kept.retention.files, "remove_traces", lambda _uid: 1)
    with pytest.raises(DeletionUnfinished, match="journal"):
        delete(kept, patience_s=0.05)


def test_a_held_study_and_one_without_a_reason_are_not_deleted(kept: Kept) -> None:
    kept.finish(1)
    with pytest.raises(ReasonMissing):
        delete_study(kept.retention, STUDY, who="officer", reason="")
    with kept.retention.open_ledger() as ledger:
        ledger.retention.hold(STUDY, "judge", "case 12")
        ledger.commit()

    with pytest.raises(StudyHeld, match="judge: case 12"):
        delete(kept)
    with pytest.raises(StudyUnknown):
        delete_study(kept.retention, OTHER, who="officer", reason="x")

    assert kept.path(1).exists()
    assert kept.world.rows("SELECT count(*) FROM deleted_studies") == [0]


def test_a_journal_names_its_segments_that_hold_a_study_and_damaged_ones_go(kept: Kept, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    (journal / "damaged").mkdir(parents=True)
    (journal / "1-a.seg").write_bytes(b"x" * 5000 + STUDY.encode() + b'"' + b"y")
    (journal / "2-b.seg").write_bytes(OTHER.encode() + b"\0")
    (journal / "damaged" / "3-c.cut").write_bytes(STUDY.encode() + b"\0")
    (journal / "4-d.clean").write_bytes(b"")

    found = segments_with(journal, STUDY)

    assert [path.name for path in found] == ["1-a.seg", "3-c.cut"]
