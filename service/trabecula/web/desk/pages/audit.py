"""The audit log as administrators ask it: who did what, and who looked at this person."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.ledger.audit.listing import AuditFilter, list_entries
from trabecula.ledger.database import driver_connection
from trabecula.web.access.asked import Asked
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page

_ROWS = 100


def show_audit(parts: DeskParts, asked: Asked) -> Response:
    """Show entries, the newest first; that they were looked at is an entry too."""
    wanted = AuditFilter(
        who=asked.field("who"),
        action=_action(asked.field("action")),
        study_uid=asked.field("study"),
        patient_id=asked.field("patient"),
        since=_since(asked.field("since")),
        before=_before(asked.field("before")),
        limit=_ROWS,
    )
    entries = list_entries(driver_connection(asked.connection), wanted)
    asked.audit(AuditAction.AUDIT_VIEWED, detail=", ".join(name for name in _FILTERS if asked.field(name)))
    values = {
        "entries": entries,
        "names": list(AuditAction),
        "older": entries[-1]["id"] if len(entries) == _ROWS else None,
        "filtered": any(asked.field(name) for name in _FILTERS),
    }
    return page(parts, asked, "audit.html", values)


_FILTERS = ("who", "action", "study", "patient", "since")


def _action(text: str) -> str:
    if text and text not in AuditAction.__members__:
        raise ChoiceInvalid(f"{text[:40]!r} is no action of the audit log")
    return text


def _since(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except ValueError as error:
        raise ChoiceInvalid(f"{text[:20]!r} is no date such as 2026-11-30") from error


def _before(text: str) -> int | None:
    if text and (not text.isdigit() or len(text) > 18):
        raise ChoiceInvalid("this page of the log is no place in it")
    return int(text) if text else None
