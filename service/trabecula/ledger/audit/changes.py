"""What use cases note with a name becomes an entry of the audit log, in the same transaction.

Commands change studies through use cases, which tell the ledger ``who``; this is the one place where that is turned
into audit entries. Pages and the API call the same use cases and write their entries before, at their door. The words
of an operator (a reason) may hold anything and stay out.
"""

from __future__ import annotations

from sqlalchemy import Connection

from trabecula.domain.audit.acting import entry_of, is_told_at_the_door
from trabecula.domain.audit.entry import AuditAction, AuditEntry, PatientKey
from trabecula.domain.study.copies import QuarantineState
from trabecula.domain.study.standing import Event
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.appending import append

_NOBODY = "system"
_BATCH = 500
_OF_EVENTS = {
    "HELD": AuditAction.RETENTION_HOLD_SET,
    "UNHELD": AuditAction.RETENTION_HOLD_LIFTED,
    "RECALLED": AuditAction.RESULTS_RECALLED,
}
_ELSEWHERE = frozenset({"RELEASED", "DISCARDED"})
"""Told with the entry of the quarantine, which may name no study."""
_OF_QUARANTINE = {
    QuarantineState.RELEASED: AuditAction.QUARANTINE_RELEASED,
    QuarantineState.DELETED: AuditAction.QUARANTINE_DELETED,
}


def append_change(
    connection: Connection,
    action: AuditAction,
    who: str,
    *,
    studies: tuple[StudyUid, ...] = (),
    patients: tuple[PatientKey, ...] = (),
    subject: str = "",
    detail: str = "",
) -> None:
    """Write that ``who`` changed something, under the actor of this request, unless its door did so."""
    if is_told_at_the_door(who):
        return
    append(connection, entry_of(action, who, studies=studies, patients=patients, subject=subject, detail=detail))


def entry_of_event(study_uid: StudyUid, event: Event) -> AuditEntry | None:
    """Return the entry of what somebody did to a study; None where its door tells it, or the service did it by itself.

    What the service did stays in the study's own trail.
    """
    if event.who == _NOBODY or event.what in _ELSEWHERE or is_told_at_the_door(event.who):
        return None
    action = _OF_EVENTS.get(event.what, AuditAction.STUDY_CHANGED)
    detail = event.what if event.revision is None else f"{event.what}, revision {event.revision}"
    return entry_of(action, event.who, studies=(study_uid,), detail=detail)


def append_quarantine(connection: Connection, number: int, study_uid: str, state: QuarantineState, who: str) -> None:
    """Write that somebody took an instance in or deleted it; copies that were adopted are told with their study."""
    action = _OF_QUARANTINE.get(state)
    if action is not None:
        studies = (StudyUid(study_uid),) if study_uid else ()
        append_change(connection, action, who, studies=studies, subject=str(number))


def append_references(connection: Connection, persons: set[PatientKey], who: str, detail: str) -> None:
    """Write whose reference measurements somebody imported."""
    ordered = sorted(persons)
    for start in range(0, len(ordered), _BATCH):
        named = tuple(ordered[start : start + _BATCH])
        append_change(connection, AuditAction.REFERENCES_IMPORTED, who, patients=named, detail=detail)
