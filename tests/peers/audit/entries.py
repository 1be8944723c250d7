"""Entries on their way, for tests of the wires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trabecula.domain.audit.chain import KeptEntry
from trabecula.domain.audit.wire import AuditSource, NumberedEntry

SOURCE = AuditSource(
    ae_title="TRABECULA", site="Hospital", host="box.example", version="0.1.0", installation_uid="2.25.1"
)
AT = datetime(2026, 11, 30, 12, 0, 0, 5, tzinfo=UTC)


def numbered(number: int = 1, **values: Any) -> NumberedEntry:
    base: dict[str, Any] = {
        "id": number, "at": AT, "action": "STUDY_VIEWED", "outcome": "SUCCESS", "who": "anna", "who_kind": "account",
        "address": "10.0.0.5", "studies": ("ab" * 32,), "patients": ("cd" * 32,), "subject": "", "detail": "",
    }  # fmt: skip
    return NumberedEntry(number, KeptEntry(**base | values))
