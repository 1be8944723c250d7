"""Fetching: a study of which images are gone gets them back from its archive, or says so; a part is never measured."""

from __future__ import annotations

import structlog

from trabecula.domain.errors import TransitionRefused
from trabecula.domain.errors_of.retention import ArchiveFetchFailed, ArchiveMissing, ImagesRemoved
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.jobs import Failure, Job, Stage
from trabecula.domain.study.retention import RemovedImages
from trabecula.domain.study.standing import Event, StudyStanding
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.services import Services

log = structlog.get_logger(__name__)


def fetch_study(services: Services, study_uid: StudyUid, who: str) -> int:
    """Have the archive send the removed images of a finished study again; return how many are waited for.

    The study settles when they are here; a result of exactly these images stands as it is. Raises StudyUnknown,
    TransitionRefused, ArchiveMissing.
    """
    if services.archive is None:
        raise ArchiveMissing
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid, lock=True)
        removed = ledger.retention.removed_images(study_uid)
        if not removed.count:
            return 0
        if standing.state not in (StudyState.DONE, StudyState.FAILED, StudyState.CANCELLED):
            raise TransitionRefused(f"{standing.state} is not finished")
        ledger.studies.move(study_uid, StudyState.RECEIVING)
        event = Event(what="FETCHED", detail=f"asked for by an operator: {removed.words}", who=who)
        ledger.studies.note(study_uid, event)
        ledger.defer(Job(stage=Stage.SETTLE, study_uid=study_uid))
        ledger.commit()
    return removed.count


def fetch_removed(services: Services, standing: StudyStanding, removed: RemovedImages) -> str:
    """Ask the archive for a study of which images are gone; return what it said, "" where it was not asked."""
    if not removed.count or services.archive is None or standing.count_checks >= services.settle.count_checks:
        return ""
    try:
        sent = services.archive.fetch(standing.study_uid)
    except ArchiveFetchFailed as error:
        log.warning("study.not_fetched", study_uid=standing.study_uid, code=error.code, reason=error.sentence)
        return error.sentence
    return f"the archive sent {sent} images again"


def wait_or_fail(
    ledger: Ledger, services: Services, standing: StudyStanding, removed: RemovedImages, fetched: str
) -> None:
    """Look again later where the archive was asked; else fail the study with what is to be done.

    Its newest result stays the current one: a report of a part would take the place of one of the whole.
    """
    if fetched:
        ledger.studies.count_check_failed(standing.study_uid)
        detail = f"{removed.words}; {fetched}"
        if ledger.studies.last_event(standing.study_uid) != "WAITING":
            ledger.studies.note(standing.study_uid, Event(what="WAITING", detail=detail))
        pause_s = services.settle.count_pause_s
        ledger.defer(Job(stage=Stage.SETTLE, study_uid=standing.study_uid, delay_s=pause_s))
        return
    error = ImagesRemoved(removed.words)
    ledger.studies.fail(standing.study_uid, Stage.SETTLE, Failure.of(error))
    facts = {"code": error.code}
    ledger.studies.note(standing.study_uid, Event(what="FAILED", detail=f"settle: {error.sentence}", facts=facts))
