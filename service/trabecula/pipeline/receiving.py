"""Receiving: one transaction that records an instance and makes sure that its study will settle."""

from __future__ import annotations

from trabecula.domain.errors import InstanceConflict, InstanceUnparsable
from trabecula.domain.jobs import Failure, Job, Stage
from trabecula.domain.ledger_ports import Event, Ledger, OpenLedger
from trabecula.domain.study import ReceivedInstance, StudyState


def register_instance(open_ledger: OpenLedger, instance: ReceivedInstance, quiet_s: float) -> bool:
    """Record an instance durably and return whether it is new. Raises DatabaseUnavailable.

    A repetition changes nothing. A new image of a study that is past RECEIVING re-opens it. What cannot be used (a
    fault, or other bytes under a known UID) goes to quarantine. Our own objects are never recorded.
    """
    with open_ledger() as ledger:
        if instance.fault:
            added = ledger.studies.quarantine(instance, _failure_of(instance.fault))
        elif ledger.studies.add_instance(instance):
            added = True
            _image_arrived(ledger, instance.study_uid, quiet_s)
        else:
            known = ledger.studies.known_sha256(instance.sop_instance_uid)
            if known in (None, instance.sha256):
                return False
            added = ledger.studies.quarantine(instance, Failure.of(InstanceConflict(instance.sop_instance_uid)))
        ledger.commit()
        return added


def _image_arrived(ledger: Ledger, study_uid: str, quiet_s: float) -> None:
    """Restart the quiet time; re-open the study where it was past receiving; have it settle."""
    standing = ledger.studies.image_arrived(study_uid)
    if standing.state is not StudyState.RECEIVING:
        ledger.studies.move(study_uid, StudyState.RECEIVING)
        event = Event("REOPENED", f"a late image came while {standing.state}", revision=standing.revision or None)
        ledger.studies.note(study_uid, event)
    ledger.defer(Job(Stage.SETTLE, study_uid, delay_s=quiet_s))


def _failure_of(fault: str) -> Failure:
    """Return the failure a fault stands for: ``CODE: sentence`` as the listener writes it, or any other words."""
    code, colon, sentence = fault.partition(": ")
    kinds = {kind.code: kind for kind in (InstanceConflict, InstanceUnparsable)}
    if colon and code in kinds:
        return Failure(code, sentence, kinds[code].next_step)
    return Failure.of(InstanceUnparsable(fault))
