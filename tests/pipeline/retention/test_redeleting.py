"""A ledger that is older than a deletion: the log outside the database deletes again what it brings back."""

from __future__ import annotations

import json
import stat

import pytest

from tests.pipeline.retention.conftest import Kept
from tests.pipeline.world import STUDY
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.errors_of.backup import BackupInvalid
from trabecula.ledger.retention.deletion_log import DELETIONS, DeletionLogFile
from trabecula.pipeline import turn_away
from trabecula.pipeline.retention.deleting import allow_study, delete_study, finish_deletions
from trabecula.pipeline.retention.redeleting import delete_again

OTHER = "1.2.826.0.99"


def forget_deletions(kept: Kept) -> None:
    """What a restore of an older backup does to the ledger."""
    kept.world.rows("DELETE FROM deleted_studies")
    kept.world.rows("DELETE FROM tombstone_keys")


def log_of(kept: Kept) -> DeletionLogFile:
    return DeletionLogFile(kept.results.parent / DELETIONS)


def test_what_a_restored_ledger_brings_back_is_deleted_again_and_stays_turned_away(kept: Kept) -> None:
    for study_uid in (STUDY, OTHER):
        kept.finish(1, study_uid=study_uid)
        delete_study(kept.retention, study_uid, who="ann", reason="request 7")
    forget_deletions(kept)
    kept.finish(1)  # the backup had this one, with a job that ran when it was made
    kept.world.rows(
        "INSERT INTO procrastinate_jobs (task_name, queue_name, status, args) "
        "VALUES ('trabecula.confirm', 'io', 'doing', jsonb_build_object('study_uid', CAST(:uid AS text)))", uid=STUDY
    )  # fmt: skip

    again = delete_again(kept.retention, *log_of(kept).read())

    assert again == 1
    assert kept.world.rows("SELECT count(*) FROM studies") == [0]
    assert not kept.path(1).exists()
    assert turn_away(kept.world.services.open_ledger, {STUDY: 1, OTHER: 2, "1.2.3": 1}) == {STUDY, OTHER}
    with kept.world.services.open_ledger() as ledger:
        tombstone = ledger.deletions.tombstone(OTHER)
    assert tombstone is not None
    assert (tombstone.deleted_by, tombstone.reason, tombstone.dropped) == ("ann", "request 7", 2)
    assert delete_again(kept.retention, *log_of(kept).read()) == 0


def test_a_study_that_was_allowed_again_is_not_deleted_by_a_restore(kept: Kept) -> None:
    kept.finish(1)
    delete_study(kept.retention, STUDY, who="ann", reason="request 7")
    allow_study(kept.retention, STUDY, who="ann", reason="consent given again")
    kept.finish(1)
    forget_deletions(kept)

    assert delete_again(kept.retention, *log_of(kept).read()) == 0
    assert kept.world.state() == "DONE"


def test_the_log_tells_nothing_of_the_study_and_knows_deletions_from_before_there_was_one(kept: Kept) -> None:
    kept.finish(1)
    delete_study(kept.retention, STUDY, who="ann", reason="request 7")
    path = kept.results.parent / DELETIONS
    before = path.read_text()
    path.unlink()

    finish_deletions(kept.retention)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert STUDY not in before + path.read_text().replace('"study_uid"', "")
    assert [line.get("reason") for line in lines] == [None, "request 7"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finish_deletions(kept.retention)
    assert len(path.read_text().splitlines()) == 2


def test_a_log_that_is_damaged_or_of_another_installation_is_told(kept: Kept) -> None:
    kept.finish(1)
    delete_study(kept.retention, STUDY, who="ann", reason="request 7")
    log = log_of(kept)
    key, tombstones = log.read()

    with pytest.raises(BackupInvalid, match="another installation"):
        log.keep("ab" * 32, tombstones)
    with pytest.raises(BackupInvalid, match="another installation"):
        delete_again(kept.retention, "ab" * 32, tombstones)
    with pytest.raises(StudyUnknown):
        allow_study(kept.retention, OTHER, who="ann", reason="mistaken")
    assert log.keep(key, tombstones) == 0
    (kept.results.parent / DELETIONS).write_text("not a log")
    with pytest.raises(BackupInvalid, match="not a log of deletions"):
        log.read()
