"""Lines of studies' trails with what the audit log says of them, written at once or gathered and written together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from trabecula.domain.audit.entry import AuditEntry
from trabecula.domain.study.standing import Event
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.appending import append_all
from trabecula.ledger.audit.changes import entry_of_event
from trabecula.ledger.tables import EventRow
from trabecula.ledger.texts import storable


class Trails:
    """What happened to studies and is not written yet, in order."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._entries: list[AuditEntry] = []

    def add(self, study_uid: StudyUid, event: Event) -> None:
        """Keep a line of a study's trail, and what somebody did of it for the audit log."""
        self._events.append(
            {
                "study_uid": study_uid,
                "revision": event.revision,
                "what": event.what,
                "detail": storable(event.detail),
                "who": event.who,
                "facts": {key: storable(value) for key, value in event.facts.items()},
            }
        )
        entry = entry_of_event(study_uid, event)
        self._entries += [entry] if entry is not None else []

    def take_over(self, others: Trails) -> None:
        """Add what others hold."""
        self._events += others._events
        self._entries += others._entries

    def write(self, session: Session) -> None:
        """Write all of it within the session's transaction and hold nothing any more. Raises DatabaseUnavailable."""
        if self._events:
            session.execute(insert(EventRow.__table__), self._events)  # type: ignore[arg-type]
        if self._entries:
            append_all(session.connection(), self._entries)
        self._events, self._entries = [], []
