"""Confirming: destinations are asked to take responsibility; their answers come at once, later, or never."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from trabecula.domain.delivery import CommitmentState, Delivery, DeliveryState
from trabecula.domain.errors import CommitmentMissing, DeliveryRefused, TrabeculaError
from trabecula.domain.identity import derived_uid
from trabecula.domain.ports.ledger import Ledger, OpenLedger
from trabecula.domain.study.jobs import Job
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.pipeline.delivering import fail_delivery
from trabecula.pipeline.services import Services

log = structlog.get_logger(__name__)


def confirm_delivery(services: Services, job: Job) -> None:
    """Ask for storage commitment of what was sent; a second run finds an answer missing and says so.

    Raises DestinationUnreachable, AssociationRejected, DeliveryRefused, DestinationUnknown.
    """
    destination = services.destination(job.destination)
    with services.open_ledger() as ledger:
        sent = _sent(ledger, job)
        unanswered = [item for item in sent if item.commitment is CommitmentState.REQUESTED]
        if unanswered:
            _miss(ledger, unanswered, CommitmentMissing(f"{job.destination} did not answer in time"))
            ledger.commit()
            return
        asked = [item for item in sent if item.commitment is CommitmentState.NONE]
        transaction_uid = derived_uid("commitment", uuid.uuid4().hex)
        for item in asked:  # before asking: the answer may come on another association while we still wait
            ledger.deliveries.record(replace(item, transaction_uid=transaction_uid))
        ledger.commit()
    if not asked:
        return
    pairs = [(item.sop_class_uid, item.sop_instance_uid) for item in asked]
    answer = services.requester.request(destination, transaction_uid, pairs)
    if answer is not None:
        commitment_answered(services.open_ledger, transaction_uid, answer)
    with services.open_ledger() as ledger:
        ledger.studies.standing(job.study_uid, lock=True)
        waiting = [item for item in _sent(ledger, job) if item.commitment is CommitmentState.NONE]
        for item in waiting:
            ledger.deliveries.record(replace(item, commitment=CommitmentState.REQUESTED))
        if waiting:
            ledger.defer(replace(job, delay_s=services.commitment_timeout_s))
        ledger.commit()
    log.info(
        "commitment.requested",
        study_uid=job.study_uid,
        revision=job.revision,
        destination=job.destination,
        objects=len(asked),
        answered=not waiting,
    )


def commitment_answered(open_ledger: OpenLedger, transaction_uid: str, committed: Mapping[str, bool]) -> None:
    """Record a storage commitment answer per SOP Instance UID; what the destination does not keep fails its study."""
    with open_ledger() as ledger:
        record_commitment(ledger, transaction_uid, committed)
        ledger.commit()


def record_commitment(ledger: Ledger, transaction_uid: str, committed: Mapping[str, bool]) -> None:
    """Do what ``commitment_answered`` does, within a transaction; an unknown transaction changes nothing."""
    deliveries = ledger.deliveries.of_transaction(transaction_uid)
    if not deliveries:
        return
    study_uid, revision = deliveries[0].study_uid, deliveries[0].revision
    standing = ledger.studies.standing(study_uid, lock=True)
    lost = []
    for item in ledger.deliveries.of_transaction(transaction_uid):
        if item.sop_instance_uid not in committed or item.commitment is CommitmentState.CONFIRMED:
            continue
        answered = _answered(item, committed[item.sop_instance_uid])
        ledger.deliveries.record(answered)
        _note(ledger, answered)
        if answered.state is DeliveryState.FAILED:
            lost.append(answered)
    if lost and standing.state is StudyState.DONE and standing.revision == revision:
        ledger.studies.move(study_uid, StudyState.DELIVERING)
        fail_delivery(ledger, study_uid, lost)


def give_up_confirming(ledger: Ledger, job: Job, error: TrabeculaError) -> None:
    """Show the commitment as missing; the objects were accepted, so nothing else fails."""
    _miss(ledger, [item for item in _sent(ledger, job) if item.commitment is not CommitmentState.MISSING], error)


def _sent(ledger: Ledger, job: Job) -> list[Delivery]:
    deliveries = ledger.deliveries.of(job.study_uid, job.revision, job.destination)
    return [item for item in deliveries if item.state is DeliveryState.SENT]


def _answered(item: Delivery, kept: bool) -> Delivery:
    if kept:
        return replace(item, state=DeliveryState.CONFIRMED, commitment=CommitmentState.CONFIRMED, error_code="")
    return replace(
        item,
        state=DeliveryState.FAILED,
        commitment=CommitmentState.REFUSED,
        error_code=CommitmentMissing.code,
        comment="the destination says that it does not keep the object",
    )


def _miss(ledger: Ledger, items: Sequence[Delivery], error: TrabeculaError) -> None:
    why = f"The object was taken; {error.detail}" if isinstance(error, DeliveryRefused) else error.sentence
    for item in items:
        missing = replace(item, commitment=CommitmentState.MISSING, error_code=CommitmentMissing.code, comment=why)
        ledger.deliveries.record(missing)
        _note(ledger, missing)


def _note(ledger: Ledger, item: Delivery) -> None:
    facts = {"destination": item.destination, "kind": str(item.kind), "transaction_uid": item.transaction_uid}
    detail = f"{item.kind} at {item.destination}"
    ledger.studies.note(
        item.study_uid, Event(what=f"COMMITMENT_{item.commitment}", detail=detail, revision=item.revision, facts=facts)
    )
