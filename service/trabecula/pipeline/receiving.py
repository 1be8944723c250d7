"""Receiving: one transaction that records an instance and makes sure that its study will settle."""

from __future__ import annotations

from trabecula.domain.errors import InstanceConflict, InstanceUnparsable
from trabecula.domain.ports.ledger import Ledger, OpenLedger
from trabecula.domain.study.jobs import Failure, Job, Stage
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import ReceivedInstance, StudyState
from trabecula.domain.uids import StudyUid


def register_instance(open_ledger: OpenLedger, instance: ReceivedInstance, quiet_s: float) -> bool:
    """Record an instance durably and return whether it is new. Raises DatabaseUnavailable.

    A repetition changes nothing. A new image of a study that is past RECEIVING re-opens it. What cannot be used (a
    fault, or other bytes under a known UID) goes to quarantine; the study whose image it is a copy of shows it. Our own
    objects are never recorded.
    """
    with open_ledger() as ledger:
        if not instance.fault and ledger.studies.add_instance(instance):
            image_arrived(ledger, instance.study_uid, quiet_s)
            ledger.commit()
            return True
        failure = _failure_of(instance)
        known = ledger.studies.known_sha256(instance.sop_instance_uid)
        conflict = failure.code == InstanceConflict.code
        if conflict and known is None and not instance.fault:  # one of our own objects
            return False
        added = not (conflict and known == instance.sha256) and ledger.quarantine.add(instance, failure)
        # Asked again: an operator may have taken these very bytes over meanwhile, and then they are a repetition.
        if conflict and ledger.studies.known_sha256(instance.sop_instance_uid) == instance.sha256:
            return False
        if added and conflict and known is not None:
            _tell_study(ledger, instance)
        ledger.commit()
        return added


def _tell_study(ledger: Ledger, instance: ReceivedInstance) -> None:
    """Leave one line in the trail of the study that holds the image, at the first copy; the copies are listed there."""
    study_uid = ledger.studies.study_of(instance.sop_instance_uid)
    if len(ledger.quarantine.conflicts(study_uid)) == 1:
        detail = f"an image came again from {instance.calling_ae_title} with other content; the copy in use stays"
        ledger.studies.note(
            study_uid, Event(what="CONFLICT", detail=detail, facts={"association": instance.association_id})
        )


def image_arrived(ledger: Ledger, study_uid: StudyUid, quiet_s: float) -> None:
    """Restart the quiet time; re-open the study where it was past receiving; have it settle."""
    standing = ledger.studies.image_arrived(study_uid)
    if standing.state is not StudyState.RECEIVING:
        ledger.studies.move(study_uid, StudyState.RECEIVING)
        event = Event(
            what="REOPENED", detail=f"a late image came while {standing.state}", revision=standing.revision or None
        )
        ledger.studies.note(study_uid, event)
    ledger.defer(Job(stage=Stage.SETTLE, study_uid=study_uid, delay_s=quiet_s))


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
