"""Quarantine: what lies there is shown, taken in, or deleted by an operator; each entry is one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trabecula.domain.errors import InstanceConflict, StudyUnknown
from trabecula.domain.errors_of.copies import QuarantineEntryUnknown, ReasonMissing, ReleaseRefused
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.conflict import Conflict
from trabecula.domain.study.copies import (
    OPEN_STATES,
    AttributeDifference,
    CopyDifference,
    QuarantineEntry,
    QuarantineState,
)
from trabecula.domain.study.standing import Event
from trabecula.domain.uids import NO_STUDY, StudyUid
from trabecula.pipeline.operators.correcting import compared, held_copy
from trabecula.pipeline.receiving import image_arrived
from trabecula.pipeline.services import OperatorServices


@dataclass(frozen=True)
class EntryInFull:
    """A quarantined instance: its row, what its header says, and how it differs from the image in use, if any is."""

    entry: QuarantineEntry
    attributes: tuple[AttributeDifference, ...]
    conflict: Conflict | None
    difference: CopyDifference | None


def show_entry(services: OperatorServices, number: int) -> EntryInFull:
    """Return everything about one entry. Raises QuarantineEntryUnknown."""
    with services.open_ledger() as ledger:
        (entry,) = ledger.quarantine.entries([number])
        conflict = _conflict(ledger, entry)
    copy = held_copy(entry)
    difference = compared(services, conflict) if conflict else None
    attributes = services.copies.attributes(copy) if entry.state in OPEN_STATES else ()
    return EntryInFull(entry, attributes, conflict, difference)


def release_entry(services: OperatorServices, number: int, who: str, reason: str = "") -> str:
    """Take a quarantined instance into its study, as if it came now, and return that study's UID.

    Raises QuarantineEntryUnknown, InstanceUnparsable where it still cannot be read, ReleaseRefused where an image in
    use has its UID, SpoolObjectMissing, SpoolUnavailable.
    """
    with services.open_ledger() as ledger:
        entry = _open_entry(ledger, number, lock=False)
        _check_free(ledger, entry)
    instance = services.copies.received(entry)
    try:
        instance = replace(instance, spool_key=services.copies.keep(instance))
    except InstanceConflict as error:
        raise ReleaseRefused("other bytes lie under its SOP Instance UID") from error
    with services.open_ledger() as ledger:
        entry = _open_entry(ledger, number, lock=True)
        if ledger.studies.add_instance(instance):
            image_arrived(ledger, instance.study_uid, services.settle.quiet_s)
        elif ledger.studies.known_sha256(instance.sop_instance_uid) != instance.sha256:
            raise ReleaseRefused("an image in use has its SOP Instance UID")
        ledger.quarantine.close(number, QuarantineState.RELEASED, who, reason)
        _note(ledger, instance.study_uid, "RELEASED", entry, who, reason)
        ledger.commit()
    services.copies.remove(entry.spool_key)
    return instance.study_uid


def delete_entry(services: OperatorServices, number: int, who: str, reason: str) -> str:
    """Delete a quarantined file; its line stays in the ledger with operator and reason.

    Returns the UID of the study it concerns, "" where none is known. A file that is or was in use is not deleted, only
    the entry is. Raises QuarantineEntryUnknown, ReasonMissing, SpoolUnavailable.
    """
    if not reason.strip():
        raise ReasonMissing
    with services.open_ledger() as ledger:
        entry = _open_entry(ledger, number, lock=True)
        ledger.quarantine.close(number, QuarantineState.DELETED, who, reason.strip())
        study_uid = _study_of(ledger, entry)
        if study_uid:
            _note(ledger, study_uid, "DISCARDED", entry, who, reason.strip())
        # Before the commit: bytes that come again meanwhile wait for this transaction and are then held anew.
        for key in (entry.spool_key, services.copies.key_beside(held_copy(entry))):
            if not ledger.copies.is_named(entry.sop_instance_uid, key):
                services.copies.remove(key)
        ledger.commit()
    return study_uid


def _open_entry(ledger: Ledger, number: int, *, lock: bool) -> QuarantineEntry:
    (entry,) = ledger.quarantine.entries([number], lock=lock)
    if entry.state not in OPEN_STATES:
        raise QuarantineEntryUnknown(f"number {number} was ended, it is {entry.state}")
    return entry


def _check_free(ledger: Ledger, entry: QuarantineEntry) -> None:
    if ledger.studies.known_sha256(entry.sop_instance_uid) is not None:
        raise ReleaseRefused(f"an image in use of study {_study_of(ledger, entry)} has its SOP Instance UID")


def _conflict(ledger: Ledger, entry: QuarantineEntry) -> Conflict | None:
    study_uid = _study_of(ledger, entry)
    found = (item for item in ledger.quarantine.conflicts(study_uid) if item.entry.number == entry.number)
    return next(found, None)


def _study_of(ledger: Ledger, entry: QuarantineEntry) -> StudyUid:
    """Return the study that an entry concerns: that of the image in use, else the one it names; "" where none."""
    try:
        return ledger.studies.study_of(entry.sop_instance_uid)
    except StudyUnknown:
        pass
    try:
        return ledger.studies.standing(entry.study_uid).study_uid
    except StudyUnknown:
        return NO_STUDY


def _note(ledger: Ledger, study_uid: StudyUid, what: str, entry: QuarantineEntry, who: str, reason: str) -> None:
    detail = f"number {entry.number} of the quarantine ({entry.code}){': ' if reason else ''}{reason}"
    facts = {"quarantine": str(entry.number), "sop_instance_uid": entry.sop_instance_uid, "sha256": entry.sha256}
    ledger.studies.note(study_uid, Event(what=what, detail=detail, who=who, facts=facts))
