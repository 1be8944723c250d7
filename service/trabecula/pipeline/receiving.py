"""Receiving: transactions that record instances, one or many, and make sure that their studies will settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from trabecula.domain.errors import InstanceConflict, InstanceUnparsable, StudyUnknown
from trabecula.domain.errors_of.reception import JournalDamaged
from trabecula.domain.errors_of.retention import StudyDeletedMeanwhile
from trabecula.domain.ports.ledger import Ledger, OpenLedger
from trabecula.domain.study.jobs import Failure, Job, Stage
from trabecula.domain.study.reception import CommitmentAnswer, ReceptionBatch, RefusedInstance
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import ReceivedInstance, StudyState
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.pipeline.confirming import record_commitment

log = structlog.get_logger(__name__)

_STANDING_S = 1.0
"""A listener with a journal says at least so often how far it is; settling earlier would only wait for that."""


def register_instance(open_ledger: OpenLedger, instance: ReceivedInstance, quiet_s: float) -> bool:
    """Record an instance durably and return whether it is new. Raises DatabaseUnavailable.

    A repetition changes nothing. A new image of a study that is past RECEIVING re-opens it. What cannot be used (a
    fault, or other bytes under a known UID) goes to quarantine; the study whose image it is a copy of shows it. Our own
    objects are never recorded.
    """
    with open_ledger() as ledger:
        _check_not_deleted(ledger, [instance.study_uid])
        if not instance.fault and ledger.studies.add_instance(instance):
            image_arrived(ledger, instance.study_uid, quiet_s)
            ledger.commit()
            return True
        if not instance.fault and _take_returned(ledger, [instance], quiet_s):
            ledger.commit()
            return True
        added = _set_aside(ledger, instance)
        ledger.commit()
        return added


def register_batch(open_ledger: OpenLedger, batch: ReceptionBatch, quiet_s: float) -> None:
    """Record what a journal holds, each record once, in one transaction. Raises DatabaseUnavailable.

    Each instance fares as in ``register_instance``, but the quiet time counts from when it came, and a study gets one
    settling for all of them. What was registered before is left out, even where an operator deleted it since.
    """
    with open_ledger() as ledger:
        first = ledger.receptions.next_sequence(batch.journal_uid, batch.segment_uid)
        entries = [entry for number, entry in batch.entries if number >= first]
        _check_not_deleted(ledger, [item.study_uid for item in entries if not isinstance(item, CommitmentAnswer)])
        times = ledger.receptions.host_times()
        instances = [
            replace(entry, received_at=times.not_before(entry.received_at))
            for entry in entries
            if isinstance(entry, ReceivedInstance)
        ]
        _add_instances(ledger, instances, quiet_s)
        refusals = [
            replace(entry, refused_at=times.not_before(entry.refused_at))
            for entry in entries
            if isinstance(entry, RefusedInstance)
        ]
        ledger.receptions.add_refusals(refusals)
        _add_refused_studies(ledger, refusals, quiet_s)
        _tell_refused(ledger, refusals)
        for entry in entries:
            if isinstance(entry, CommitmentAnswer):
                record_commitment(ledger, entry.transaction_uid, entry.committed)
        ledger.receptions.advance(batch.segment_uid, max(first, batch.next_sequence))
        ledger.commit()


def _add_instances(ledger: Ledger, instances: Sequence[ReceivedInstance], quiet_s: float) -> None:
    sound = [instance for instance in instances if not instance.fault]
    added = ledger.studies.add_instances(sound, [instance.received_at for instance in sound])
    known = [instance for instance in sound if instance.sop_instance_uid not in added]
    returned = _take_returned(ledger, known, quiet_s) if known else frozenset()
    latest: dict[StudyUid, datetime] = {}
    seen: set[InstanceUid] = set(returned)
    for instance in instances:
        if not instance.fault and instance.sop_instance_uid in added - seen:
            seen.add(instance.sop_instance_uid)
            came_at = latest.get(instance.study_uid, instance.received_at)
            latest[instance.study_uid] = max(came_at, instance.received_at)
        else:
            _set_aside(ledger, instance)
    for study_uid in sorted(latest):
        image_arrived(ledger, study_uid, quiet_s, latest[study_uid])


def turn_away(open_ledger: OpenLedger, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
    """Return which of these studies were deleted for good; their images are not kept, and counted. DatabaseUnavailable.

    A log line names how many, never which: an operator finds the study by its UID (`trabecula studies deleted`).
    """
    with open_ledger() as ledger:
        deleted = ledger.deletions.turned_away(images)
        if deleted:
            ledger.commit()
            log.warning("study.deleted_came_again", studies=len(deleted), images=sum(images[uid] for uid in deleted))
        return deleted


def _check_not_deleted(ledger: Ledger, study_uids: Sequence[StudyUid]) -> None:
    """Raise StudyDeletedMeanwhile where a study was deleted after its images had been looked at (``turn_away``)."""
    if ledger.deletions.turned_away(dict.fromkeys(study_uids, 0)):
        raise StudyDeletedMeanwhile


def _take_returned(ledger: Ledger, instances: Sequence[ReceivedInstance], quiet_s: float) -> frozenset[InstanceUid]:
    """Take images again whose files retention had removed; return their UIDs. A study that waits for them goes on.

    Any other study stays as it is: its result stands, and an operator may now have it measured anew.
    """
    returned = ledger.retention.returned(instances)
    for study_uid in sorted({item.study_uid for item in returned}):
        if ledger.studies.last_event(study_uid) != "RETURNED":
            detail = "images that had been removed came again"
            ledger.studies.note(study_uid, Event(what="RETURNED", detail=detail))
        if any(item.awaited for item in returned if item.study_uid == study_uid):
            image_arrived(ledger, study_uid, quiet_s)
    return frozenset(item.sop_instance_uid for item in returned)


def _add_refused_studies(ledger: Ledger, refusals: Sequence[RefusedInstance], quiet_s: float) -> None:
    """Give a study of which every image was refused its row, so that it is waited for and answered like any other."""
    for refused in sorted(refusals, key=lambda item: (item.study_uid, item.refused_at)):
        if refused.study_uid and ledger.studies.add_refused(
            refused.study_uid, refused.calling_ae_title, refused.refused_at
        ):
            ledger.defer(Job(stage=Stage.SETTLE, study_uid=refused.study_uid, delay_s=quiet_s + _STANDING_S))


def _tell_refused(ledger: Ledger, refusals: Sequence[RefusedInstance]) -> None:
    """Leave a line in the trail of each study of which images were refused, one for a row of refusals."""
    for study_uid in sorted({refused.study_uid for refused in refusals}):
        try:
            ledger.studies.standing(study_uid)
        except StudyUnknown:
            continue
        if ledger.studies.last_event(study_uid) != "REFUSED":
            codes = {refused.code for refused in refusals if refused.study_uid == study_uid}
            told = ", ".join(sorted(codes - {JournalDamaged.code}))
            parts = []
            if told:
                parts.append(f"images could not be kept ({told}); their sender was told so and has to send them again")
            if JournalDamaged.code in codes:
                parts.append(f"images were damaged here after success had been answered ({JournalDamaged.code})")
            ledger.studies.note(study_uid, Event(what="REFUSED", detail="; ".join(parts)))


def _set_aside(ledger: Ledger, instance: ReceivedInstance) -> bool:
    """Treat an instance that was not added; return whether it lies in quarantine now and did not before."""
    failure = _failure_of(instance)
    known = ledger.studies.known_sha256(instance.sop_instance_uid)
    conflict = failure.code == InstanceConflict.code
    if conflict and known is None and not instance.fault:  # one of our own objects
        return False
    if conflict and known == instance.sha256:
        return False
    added = ledger.quarantine.add(instance, failure)
    # Asked again: an operator may have taken these very bytes over meanwhile, and then they are a repetition.
    if conflict and ledger.studies.known_sha256(instance.sop_instance_uid) == instance.sha256:
        if added:
            ledger.quarantine.withdraw(instance)
        return False
    if added and conflict and known is not None:
        _tell_study(ledger, instance)
    return added


def _tell_study(ledger: Ledger, instance: ReceivedInstance) -> None:
    """Leave one line in the trail of the study that holds the image, at the first copy; the copies are listed there."""
    study_uid = ledger.studies.study_of(instance.sop_instance_uid)
    if len(ledger.quarantine.conflicts(study_uid)) == 1:
        detail = f"an image came again from {instance.calling_ae_title} with other content; the copy in use stays"
        ledger.studies.note(
            study_uid, Event(what="CONFLICT", detail=detail, facts={"association": instance.association_id})
        )


def image_arrived(ledger: Ledger, study_uid: StudyUid, quiet_s: float, came_at: datetime | None = None) -> None:
    """Restart the quiet time from when an image came; re-open the study where it was past receiving; have it settle."""
    standing = ledger.studies.image_arrived(study_uid, came_at)
    if standing.state is not StudyState.RECEIVING:
        ledger.studies.move(study_uid, StudyState.RECEIVING)
        event = Event(
            what="REOPENED", detail=f"a late image came while {standing.state}", revision=standing.revision or None
        )
        ledger.studies.note(study_uid, event)
    delay_s = max(0.0, quiet_s - standing.quiet_s) + (_STANDING_S if came_at is not None else 0.0)
    ledger.defer(Job(stage=Stage.SETTLE, study_uid=study_uid, delay_s=delay_s))


def _failure_of(instance: ReceivedInstance) -> Failure:
    """Return why an instance cannot be used; a fault is ``CODE: sentence`` as the listener writes it, or other words.

    Without a fault it is other bytes under a known UID.
    """
    if not instance.fault:
        return Failure.of(InstanceConflict(instance.sop_instance_uid))
    code, colon, sentence = instance.fault.partition(": ")
    kinds = {kind.code: kind for kind in (InstanceConflict, InstanceUnparsable)}
    if colon and code in kinds:
        return Failure(code, sentence, kinds[code].next_step)
    return Failure.of(InstanceUnparsable(instance.fault))
