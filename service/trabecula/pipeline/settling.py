"""Settling: a study that has been quiet long enough is frozen as its next revision and handed to the analysis."""

from __future__ import annotations

from trabecula.domain.errors import ArchiveQueryFailed
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, StudyResult
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.study.reception import ReceptionGaps
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.reception_gaps import gaps_of
from trabecula.pipeline.retention.fetching import fetch_removed, wait_or_fail
from trabecula.pipeline.services import Services, stored_files
from trabecula.pipeline.telling import tell_settled
from trabecula.version import __version__


def settle_study(services: Services, study_uid: StudyUid, *, force: bool = False) -> None:
    """Freeze the study when it is complete, else look again later. ``force`` skips quiet time and count.

    A set of instances that a revision holds already leads back to that revision: nothing is measured twice. A study of
    which a listener may hold more, or of which images were refused, is waited for within bounds (``reception_gaps``).
    One of which images were removed by retention is fetched from the archive first (``retention.fetching``).
    """
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid)
        if standing.state is not StudyState.RECEIVING:
            return
        instances = ledger.studies.count_instances(study_uid)
        remaining_s = services.settle.quiet_s - standing.quiet_s
        if remaining_s > 0 and not force:
            ledger.defer(Job(stage=Stage.SETTLE, study_uid=study_uid, delay_s=remaining_s))
            ledger.commit()
            return
        if not force and _held(ledger, services, study_uid):
            ledger.commit()
            return
        removed = ledger.retention.removed_images(study_uid)
    fetched = "" if force else fetch_removed(services, standing, removed)
    frozen: tuple[int, int] | None = None
    missing, remark = (0, "") if force else _missing_at_source(services, study_uid, instances)
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid, lock=True)
        if standing.state is not StudyState.RECEIVING:
            return
        if standing.quiet_s < services.settle.quiet_s and not force:  # an image came while the archive was asked
            ledger.defer(
                Job(stage=Stage.SETTLE, study_uid=study_uid, delay_s=services.settle.quiet_s - standing.quiet_s)
            )
        elif not force and _held(ledger, services, study_uid):  # its listener fell behind meanwhile
            pass
        elif (removed := ledger.retention.removed_images(study_uid)).count:
            wait_or_fail(ledger, services, standing, removed, fetched)
        elif missing and standing.count_checks < services.settle.count_checks:
            ledger.studies.count_check_failed(study_uid)
            ledger.studies.note(
                study_uid, Event(what="WAITING", detail=f"the source archive holds {missing} more images")
            )
            ledger.defer(Job(stage=Stage.SETTLE, study_uid=study_uid, delay_s=services.settle.count_pause_s))
        else:
            if missing:
                remark = f"went on although the source archive holds {missing} more objects"
            frozen = _freeze(ledger, services, study_uid, standing.revision, remark)
        ledger.commit()
    if frozen is not None:
        tell_settled(study_uid, *frozen)


def _missing_at_source(services: Services, study_uid: StudyUid, instances: int) -> tuple[int, str]:
    """Return how many more instances the source archive holds, and a remark where it could not be asked."""
    if services.archive is None:
        return 0, ""
    try:
        count = services.archive.count_instances(study_uid)
    except ArchiveQueryFailed as error:
        return 0, f"{error.code}: settled by quiet time alone"
    return (max(0, count - instances), "") if count is not None else (0, "")


def _held(ledger: Ledger, services: Services, study_uid: StudyUid) -> bool:
    """Return whether more of a quiet study may come; then it is looked at again, and its trail says why once."""
    _, hold = gaps_of(ledger, services.settle, study_uid)
    if hold is None:
        return False
    if ledger.studies.last_event(study_uid) != "WAITING":
        ledger.studies.note(study_uid, Event(what="WAITING", detail=hold.why))
    ledger.defer(Job(stage=Stage.SETTLE, study_uid=study_uid, delay_s=hold.look_again_s))
    return True


def _freeze(ledger: Ledger, services: Services, study_uid: StudyUid, newest: int, remark: str) -> tuple[int, int]:
    """Freeze the study and hand it on; return the revision and its number of images."""
    gaps, _ = gaps_of(ledger, services.settle, study_uid)
    known = newest and ledger.revisions.is_current_set(study_uid, newest)
    if known and ledger.revisions.gaps(study_uid, newest) == gaps:
        revision = newest
    else:
        revision = ledger.revisions.freeze(study_uid, gaps)
    remark = "; ".join(part for part in (remark, gaps.words) if part)
    files = stored_files(services, ledger, study_uid, revision)
    if not files:
        _answer_without_images(ledger, services, study_uid, revision, gaps)
        return revision, 0
    ledger.studies.describe(study_uid, services.facts.read(files))
    ledger.studies.take_as_bulk(study_uid, services.settle.bulk_sources)
    ledger.studies.move(study_uid, StudyState.ANALYSING)
    ledger.studies.note(study_uid, Event(what="SETTLED", detail=remark or f"{len(files)} images", revision=revision))
    ledger.defer(Job(stage=Stage.ANALYSE, study_uid=study_uid, revision=revision))
    return revision, len(files)


def _answer_without_images(
    ledger: Ledger, services: Services, study_uid: StudyUid, revision: int, gaps: ReceptionGaps
) -> None:
    """Say of a study of which no image was kept that it could not be evaluated, and why.

    There is nothing to measure, and no header that would tell whom a report is about: the result stays here.
    """
    reason = Reason(code=ReasonCode.IMAGES_REFUSED, detail=gaps.words)
    result = StudyResult(
        study_uid=study_uid,
        revision=revision,
        category=Category.NOT_EVALUABLE,
        reasons=(reason,),
        levels=(),
        impression=(f"{Category.NOT_EVALUABLE.words}. {reason.sentence}", reason.code.next_step),
        versions={"software": __version__},
        refused=gaps.refused,
        damaged=gaps.damaged,
        silent_listeners=gaps.silent_listeners,
    )
    services.artifacts.save_result(result)
    ledger.revisions.save_result(result)
    ledger.studies.note(study_uid, Event(what="SETTLED", detail=gaps.words or "no images", revision=revision))
    for state in (StudyState.ANALYSING, StudyState.REPORTING, StudyState.DONE):
        ledger.studies.move(study_uid, state)
    detail = "Not sent, because no image is here that would tell whom a report is about"
    ledger.studies.note(study_uid, Event(what="WITHHELD", detail=detail, revision=revision))
