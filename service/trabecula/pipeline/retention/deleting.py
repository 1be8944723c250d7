"""Deleting for good: the tombstone, files, rows, then the UID itself; what a kill cuts off is gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable

from trabecula.domain.errors import StudyUnknown
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.errors_of.retention import BackupRunning, DeletionUnfinished, StudyDeleted, StudyHeld
from trabecula.domain.study.deletion import Tombstone
from trabecula.domain.study.study import TRANSITIONS, StudyState
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.retention.removing import RetentionServices

_LOOK_SECONDS = 0.5


def delete_study(
    services: RetentionServices, study_uid: StudyUid, *, who: str, reason: str, patience_s: float = 60.0
) -> Tombstone:
    """Delete everything of a study and return its tombstone; a deletion that was begun is gone on with.

    Raises ReasonMissing, StudyUnknown, StudyDeleted, StudyHeld, BackupRunning, SpoolUnavailable, DeletionUnfinished.
    """
    if not reason.strip():
        raise ReasonMissing
    with services.open_ledger() as ledger:
        if study_uid not in ledger.deletions.unfinished():
            if not ledger.retention.may_remove():
                raise BackupRunning
            _check_deletable(services, study_uid)
            standing = ledger.studies.standing(study_uid, lock=True)
            held = ledger.retention.held(study_uid)
            if held is not None:
                raise StudyHeld(held)
            ledger.deletions.bury(study_uid, who, reason.strip(), services.log.key())
            if StudyState.CANCELLED in TRANSITIONS[standing.state]:  # whatever works on it stops
                ledger.studies.move(study_uid, StudyState.CANCELLED)
            ledger.commit()
    return finish_deletion(services, study_uid, patience_s)


def finish_deletion(services: RetentionServices, study_uid: StudyUid, patience_s: float = 60.0) -> Tombstone:
    """Carry a deletion out whose tombstone stands; each step may be repeated. Raises as ``delete_study``."""
    until = time.monotonic() + patience_s
    _wait(until, lambda: _is_worked_on(services, study_uid), "a job of the study still runs")
    with services.open_ledger() as ledger:
        if not ledger.retention.may_remove():
            raise BackupRunning
        services.files.remove_images(ledger.deletions.image_files(study_uid))
        services.files.remove_quarantined(ledger.deletions.quarantine_files(study_uid))
        services.files.remove_results(study_uid)
        ledger.deletions.forget(study_uid)
        ledger.commit()
    services.files.remove_results(study_uid)  # what a job wrote in its last moment
    _wait(until, lambda: bool(services.files.remove_traces(study_uid)), "the journal still holds images of it")
    _keep_log(services)
    with services.open_ledger() as ledger:
        ledger.deletions.close(study_uid)
        ledger.commit()
        tombstone = ledger.deletions.tombstone(study_uid)
    assert tombstone is not None, "it was put up before anything was deleted"
    return tombstone


def finish_deletions(services: RetentionServices) -> int:
    """Go on with every deletion that was begun; return how many ended. Raises DeletionUnfinished where one did not."""
    with services.open_ledger() as ledger:
        waiting = ledger.deletions.unfinished()
    left: DeletionUnfinished | None = None
    for study_uid in waiting:
        try:
            finish_deletion(services, study_uid, patience_s=10.0)
        except DeletionUnfinished as error:
            left = error
    _keep_log(services)  # also of deletions before there was a log
    if left is not None:
        raise left
    return len(waiting)


def allow_study(services: RetentionServices, study_uid: StudyUid, *, who: str, reason: str) -> None:
    """Let a deleted study come again, as a new one. Raises ReasonMissing, StudyUnknown."""
    if not reason.strip():
        raise ReasonMissing
    with services.open_ledger() as ledger:
        if not ledger.deletions.allow(study_uid, who, reason.strip()):
            raise StudyUnknown(f"{study_uid} was not deleted here")
        ledger.commit()
    _keep_log(services)


def _keep_log(services: RetentionServices) -> None:
    """Let the log outside the database know every tombstone. Raises SpoolUnavailable."""
    with services.open_ledger() as ledger:
        key, tombstones = ledger.deletions.tombstones()
    if tombstones:
        services.log.keep(key, tombstones)


def _check_deletable(services: RetentionServices, study_uid: StudyUid) -> None:
    with services.open_ledger() as ledger:
        try:
            ledger.studies.standing(study_uid)
        except StudyUnknown as error:
            tombstone = ledger.deletions.tombstone(study_uid)
            if tombstone is None:
                raise
            raise StudyDeleted(f"on {tombstone.begun_at:%Y-%m-%d} by {tombstone.deleted_by}") from error


def _is_worked_on(services: RetentionServices, study_uid: StudyUid) -> bool:
    with services.open_ledger() as ledger:
        return ledger.deletions.is_worked_on(study_uid)


def _wait(until: float, hindered: Callable[[], bool], why: str) -> None:
    while hindered():
        if time.monotonic() >= until:
            raise DeletionUnfinished(why)
        time.sleep(_LOOK_SECONDS)
