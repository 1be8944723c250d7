"""What operators do to a study: retry, cancel, process again, settle, put first or last; one transaction, its trace."""

from __future__ import annotations

from dataclasses import replace

from trabecula.domain.delivery import CommitmentState, Delivery, DeliveryState
from trabecula.domain.errors import NothingToSend, TransitionRefused
from trabecula.domain.ports.ledger import Ledger, OpenLedger
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.study.jobs import STATE_OF_STAGE, Job, Stage
from trabecula.domain.study.standing import Event, StudyStanding
from trabecula.domain.study.study import StudyPriority, StudyState
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.reporting import doubtful_patient
from trabecula.pipeline.services import Services, check_images, check_results
from trabecula.pipeline.settling import settle_study


def retry_study(open_ledger: OpenLedger, study_uid: StudyUid, who: str) -> StudyState:
    """Run the step that failed again, or go on where a cancelled study stopped; return the new state.

    What waits to be delivered is tried at once, without its pause. A study that was told as not evaluable because its
    analysis failed is measured anew as its next revision.
    Raises StudyUnknown, TransitionRefused, ImagesRemoved.
    """
    with open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid, lock=True)
        if standing.state is StudyState.DONE and _analysis_failed(ledger, standing):
            _next_revision(ledger, standing, "RETRIED", who)
            ledger.commit()
            return StudyState.ANALYSING
        if standing.state not in (StudyState.FAILED, StudyState.CANCELLED, StudyState.DELIVERING):
            raise TransitionRefused(f"{standing.state} cannot be retried")
        delivering = Stage.DELIVER if standing.state is StudyState.DELIVERING else None
        stage = delivering or standing.failed_stage or _stage_after_cancel(ledger, standing)
        if stage is Stage.DELIVER:
            _deliver_again(ledger, standing)
        else:
            job = Job(stage=stage, study_uid=study_uid, revision=0 if stage is Stage.SETTLE else standing.revision)
            ledger.studies.move(study_uid, STATE_OF_STAGE[stage])
            ledger.forget_attempts(job)
            ledger.defer(job)
        ledger.studies.note(
            study_uid, Event(what="RETRIED", detail=str(stage), who=who, revision=standing.revision or None)
        )
        ledger.commit()
        return STATE_OF_STAGE[stage]


def cancel_study(open_ledger: OpenLedger, study_uid: StudyUid, who: str) -> None:
    """Stop the study where it is; running work notices within seconds. Raises StudyUnknown, TransitionRefused."""
    with open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid, lock=True)
        ledger.studies.move(study_uid, StudyState.CANCELLED)
        ledger.studies.note(
            study_uid,
            Event(what="CANCELLED", detail=f"while {standing.state}", who=who, revision=standing.revision or None),
        )
        ledger.commit()


def reprocess_study(open_ledger: OpenLedger, study_uid: StudyUid, who: str) -> int:
    """Measure a finished, failed or cancelled study anew as its next revision, e.g. with another model.

    So is one whose report waits for a destination, which gets the next one instead. Returns the revision. Its objects
    get new UIDs, and its SR names the one before. Raises StudyUnknown, TransitionRefused, ImagesRemoved.
    """
    with open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid, lock=True)
        if standing.state not in (StudyState.DONE, StudyState.FAILED, StudyState.CANCELLED, StudyState.DELIVERING):
            raise TransitionRefused(f"{standing.state} cannot be processed again")
        revision = _next_revision(ledger, standing, "REPROCESSED", who)
        ledger.commit()
        return revision


def prioritise_study(open_ledger: OpenLedger, study_uid: StudyUid, priority: StudyPriority, who: str) -> None:
    """Say how soon a study is worked on; what waits for it moves at once. Raises StudyUnknown."""
    with open_ledger() as ledger:
        ledger.studies.prioritise(study_uid, priority)
        ledger.reorder(study_uid)
        ledger.studies.note(study_uid, Event(what="PRIORITISED", detail=str(priority), who=who))
        ledger.commit()


def resend_study(services: Services, study_uid: StudyUid, destination: str, who: str, instead_of: str = "") -> int:
    """Send the newest report of a finished or failed study to a destination, again or for the first time.

    What waited or failed for ``instead_of``, the former name of a destination, is given up. Returns how many objects
    are sent. Raises StudyUnknown, TransitionRefused, DestinationUnknown, NothingToSend, ResultsRemoved.
    """
    target = services.destination(destination)
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid, lock=True)
        if standing.state not in (StudyState.DONE, StudyState.FAILED, StudyState.DELIVERING):
            raise TransitionRefused(f"{standing.state} has no report to send")
        doubt = doubtful_patient(ledger.revisions.result(study_uid, standing.revision))
        if doubt is not None:
            raise TransitionRefused(f"its report names one patient: {doubt.sentence}")
        check_results(ledger, study_uid, standing.revision)
        ledger.deliveries.plan(study_uid, standing.revision, (target,))
        planned = ledger.deliveries.of(study_uid, standing.revision, destination)
        if not planned:
            raise NothingToSend(f"revision {standing.revision} of {study_uid}")
        given_up = ledger.deliveries.drop_unsent(study_uid, standing.revision, instead_of) if instead_of else 0
        for item in planned:
            ledger.deliveries.record(_anew(item))
        if standing.state is not StudyState.DELIVERING:
            ledger.studies.move(study_uid, StudyState.DELIVERING)
        job = Job(stage=Stage.DELIVER, study_uid=study_uid, revision=standing.revision, destination=destination)
        ledger.forget_attempts(job)
        ledger.defer_now(job)
        former = f" instead of {given_up} objects to {instead_of}" if instead_of else ""
        detail = f"{len(planned)} objects to {destination}{former}"
        ledger.studies.note(study_uid, Event(what="RESENT", detail=detail, who=who, revision=standing.revision))
        ledger.commit()
    return len(planned)


def settle_now(services: Services, study_uid: StudyUid, who: str) -> None:
    """Take a study as complete without waiting. Raises StudyUnknown, TransitionRefused."""
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid)
        if standing.state is not StudyState.RECEIVING:
            raise TransitionRefused(f"{standing.state} has settled already")
        ledger.studies.note(study_uid, Event(what="FORCED", detail="taken as complete", who=who))
        ledger.commit()
    settle_study(services, study_uid, force=True)


def _next_revision(ledger: Ledger, standing: StudyStanding, what: str, who: str) -> int:
    check_images(ledger, standing.study_uid)
    if standing.state is StudyState.DELIVERING:
        ledger.studies.move(standing.study_uid, StudyState.RECEIVING)
    revision = ledger.revisions.freeze(standing.study_uid, ledger.revisions.gaps(standing.study_uid, standing.revision))
    ledger.studies.move(standing.study_uid, StudyState.ANALYSING)
    ledger.studies.note(
        standing.study_uid, Event(what=what, detail=f"after revision {standing.revision}", who=who, revision=revision)
    )
    ledger.defer(Job(stage=Stage.ANALYSE, study_uid=standing.study_uid, revision=revision))
    return revision


def _analysis_failed(ledger: Ledger, standing: StudyStanding) -> bool:
    """Return whether the study's result says no more than that its analysis failed."""
    result = ledger.revisions.result(standing.study_uid, standing.revision)
    codes = {reason.code for reason in result.reasons if reason.blocking} if result is not None else set()
    return codes == {ReasonCode.ANALYSIS_FAILED}


def _stage_after_cancel(ledger: Ledger, standing: StudyStanding) -> Stage:
    """Go on with the frozen revision where it still holds every image; the stages skip what is done already."""
    if standing.revision and ledger.revisions.is_current_set(standing.study_uid, standing.revision):
        return Stage.ANALYSE
    return Stage.SETTLE


def _deliver_again(ledger: Ledger, standing: StudyStanding) -> None:
    if standing.state is not StudyState.DELIVERING:
        ledger.studies.move(standing.study_uid, StudyState.DELIVERING)
    targets: dict[str, None] = {}
    for item in ledger.deliveries.of(standing.study_uid, standing.revision):
        if item.state in (DeliveryState.REFUSED, DeliveryState.FAILED, DeliveryState.PENDING):
            ledger.deliveries.record(_anew(item))
            targets[item.destination] = None
    for target in targets:
        job = Job(stage=Stage.DELIVER, study_uid=standing.study_uid, revision=standing.revision, destination=target)
        ledger.forget_attempts(job)
        ledger.defer_now(job)


def _anew(item: Delivery) -> Delivery:
    """The delivery as it stood before its first try."""
    return replace(
        item,
        state=DeliveryState.PENDING,
        error_code="",
        comment="",
        commitment=CommitmentState.NONE,
        transaction_uid="",
    )
