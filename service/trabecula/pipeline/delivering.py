"""Delivering: the objects of a revision go to one destination; each answer is kept with its status word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trabecula.domain.delivery import Delivery, DeliveryState, SendOutcome
from trabecula.domain.errors import DeliveryDeferred, DeliveryRefused, SopClassRefused, TrabeculaError
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.results.result import ResultObject
from trabecula.domain.study.jobs import Failure, Job, Stage
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.pipeline.services import Services
from trabecula.pipeline.still_current import is_wanted
from trabecula.pipeline.telling import tell_closed, tell_delivered

_DUPLICATE = 0x0111
"""PS3.7 C.5.6: the peer holds this SOP Instance; ours never change under their UID, so it is there."""
_SOP_CLASS_NOT_SUPPORTED = 0x0122
_TRANSIENT = (0x0110, 0x0213)
"""PS3.7 C.5.15 processing failure and C.5.19 resource limitation may pass; so may 0xA7xx (PS3.4 B.2.3)."""


def delivery_state(outcome: SendOutcome) -> DeliveryState:
    """Return where an answer leaves the object: sent, refused for good, or pending where another try may help."""
    if outcome.accepted or outcome.status == _DUPLICATE:
        return DeliveryState.SENT
    if outcome.status in _TRANSIENT or 0xA700 <= outcome.status <= 0xA7FF:
        return DeliveryState.PENDING
    return DeliveryState.REFUSED


def deliver_objects(services: Services, job: Job) -> None:
    """Send what is still pending for the destination over one association, and keep each answer.

    Raises DeliveryDeferred when the destination could not keep an object now, DestinationUnreachable,
    AssociationRejected, DestinationUnknown.
    """
    with services.open_ledger() as ledger:
        if not is_wanted(ledger, job):
            return
        pending = _pending(ledger, job)
    answered: list[Delivery] = []
    if pending:
        destination = services.destination(job.destination)
        objects = services.artifacts.load_objects(job.study_uid, job.revision)
        outcomes = services.sender.send(destination, [_planned(item, objects) for item in pending])
        answered = [_answered(item, outcome) for item, outcome in zip(pending, outcomes, strict=True)]
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(job.study_uid, lock=True)
        for item in answered:
            ledger.deliveries.record(item)
            _note(ledger, item)
        if any(item.state is DeliveryState.SENT for item in answered) and destination.commitment:
            ledger.defer(replace(job, stage=Stage.CONFIRM, delay_s=0.0))
        closed = close_when_answered(ledger, job)
        ledger.commit()
    if answered:
        tell_delivered(job, answered)
    tell_closed(services, job, closed, standing.quiet_s)
    deferred = [item for item in answered if item.state is DeliveryState.PENDING]
    if deferred:
        raise DeliveryDeferred(
            f"{job.destination} answered 0x{deferred[0].status or 0:04X} {deferred[0].comment}".strip()
        )


def close_when_answered(ledger: Ledger, job: Job) -> StudyState | None:
    """Finish the study when no destination is pending any more: DONE, or FAILED where one does not have its objects.

    Return which of the two it is now, None where it goes on.
    """
    if not is_wanted(ledger, replace(job, stage=Stage.DELIVER), lock=True):
        return None
    deliveries = ledger.deliveries.of(job.study_uid, job.revision)
    if any(item.state is DeliveryState.PENDING for item in deliveries):
        return None
    lost = [item for item in deliveries if item.state in (DeliveryState.REFUSED, DeliveryState.FAILED)]
    if lost:
        fail_delivery(ledger, job.study_uid, lost)
        return StudyState.FAILED
    ledger.studies.move(job.study_uid, StudyState.DONE)
    ledger.studies.note(job.study_uid, Event(what="DONE", revision=job.revision))
    return StudyState.DONE


def fail_delivery(ledger: Ledger, study_uid: StudyUid, lost: list[Delivery]) -> None:
    """Fail the study, naming each object and destination that went wrong."""
    places = "; ".join(
        f"{item.kind} to {item.destination}: {item.error_code}"
        + (f" (0x{item.status:04X})" if item.status is not None else "")
        for item in lost
    )
    error = DeliveryRefused(places)
    codes = {item.error_code for item in lost}
    code = codes.pop() if len(codes) == 1 else error.code
    ledger.studies.fail(study_uid, Stage.DELIVER, Failure(code, error.sentence, error.next_step))
    ledger.studies.note(study_uid, Event(what="FAILED", detail=f"deliver: {places}", revision=lost[0].revision))


def give_up_delivering(ledger: Ledger, job: Job, error: TrabeculaError) -> StudyState | None:
    """Mark what is still pending for the destination as failed; the other destinations go on.

    Return what ``close_when_answered`` returns.
    """
    for item in _pending(ledger, job):
        failed = replace(item, state=DeliveryState.FAILED, error_code=error.code, comment=error.sentence)
        ledger.deliveries.record(failed)
        _note(ledger, failed)
    return close_when_answered(ledger, job)


def note_delivery_error(ledger: Ledger, job: Job, error: TrabeculaError, pause_s: float) -> bool:
    """Show with the pending deliveries why the last try failed and when the next one is; return whether all of them
    had failed for the same reason before."""
    pending = _pending(ledger, job)
    for item in pending:
        attempts = item.attempts + (0 if isinstance(error, DeliveryDeferred) else 1)
        failed = replace(item, attempts=attempts, error_code=error.code, comment=error.sentence)
        ledger.deliveries.record(failed, next_attempt_s=pause_s)
    return all(item.error_code == error.code for item in pending)


def _pending(ledger: Ledger, job: Job) -> list[Delivery]:
    deliveries = ledger.deliveries.of(job.study_uid, job.revision, job.destination)
    return [item for item in deliveries if item.state is DeliveryState.PENDING]


def _planned(item: Delivery, objects: Sequence[ResultObject]) -> ResultObject:
    """The object that was planned, in the language it was planned in, under whatever form it was sent last."""
    same_kind = [made for made in objects if made.kind is item.kind]
    named = (made for made in same_kind if item.sop_instance_uid in _uids(made))
    return next(named, same_kind[0])


def _uids(made: ResultObject) -> set[InstanceUid]:
    return {made.sop_instance_uid, *(form.sop_instance_uid for form in made.alternatives)}


def _answered(item: Delivery, outcome: SendOutcome) -> Delivery:
    state = delivery_state(outcome)
    code = ""
    if state is DeliveryState.PENDING:
        code = DeliveryDeferred.code
    elif state is DeliveryState.REFUSED:
        unsupported = outcome.status == _SOP_CLASS_NOT_SUPPORTED
        code = SopClassRefused.code if unsupported else DeliveryRefused.code
    return replace(
        item,
        sop_class_uid=outcome.sop_class_uid,
        sop_instance_uid=outcome.sop_instance_uid,
        state=state,
        status=outcome.status,
        error_code=code,
        comment=outcome.error_comment,
        attempts=item.attempts + 1,
    )


def _note(ledger: Ledger, item: Delivery) -> None:
    facts = {"destination": item.destination, "kind": str(item.kind), "code": item.error_code}
    if item.status is not None:
        facts["status"] = f"0x{item.status:04X}"
    event = Event(
        what=str(item.state), detail=f"{item.kind} to {item.destination}", revision=item.revision, facts=facts
    )
    ledger.studies.note(item.study_uid, event)
