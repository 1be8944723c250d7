"""The log as people ask it: filtered, joined with whom its pseudonyms name, as long as their keys are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.audit.wire import NumberedEntry
from trabecula.ledger.audit.sealing import kept_entry

_QUERY = """
    SELECT e.*, s.number FROM audit_entries e LEFT JOIN audit_seals s ON s.entry_id = e.id
    WHERE (%(since)s::timestamptz IS NULL OR e.at >= %(since)s) AND (%(before)s::bigint IS NULL OR e.id < %(before)s)
      AND (%(who)s = '' OR e.who = %(who)s OR e.who LIKE %(who_begin)s) AND (%(action)s = '' OR e.action = %(action)s)
      AND (%(study_uid)s = '' OR e.studies && ARRAY(SELECT pseudonym FROM audit_pseudonyms
                                                    WHERE study_uid = %(study_uid)s AND study_uid <> ''))
      AND (%(patient_id)s = '' OR e.patients && ARRAY(SELECT pseudonym FROM audit_pseudonyms
              WHERE patient_id = %(patient_id)s AND patient_id <> ''
                AND (%(issuer)s::text IS NULL OR issuer = %(issuer)s)))
    ORDER BY e.id DESC LIMIT %(limit)s
"""
_NAMES = "SELECT pseudonym, study_uid, patient_id, issuer FROM audit_pseudonyms WHERE pseudonym = ANY(%s)"
_BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which entries are asked for; ``before`` is an id below which to go on, the newest come first.

    ``issuer`` None means any issuer of the patient ID.
    """

    since: datetime | None = None
    who: str = ""
    action: str = ""
    study_uid: str = ""
    patient_id: str = ""
    issuer: str | None = None
    before: int | None = None
    limit: int = 1000


def list_entries(connection: psycopg.Connection[Any], wanted: AuditFilter) -> list[dict[str, Any]]:
    """Return entries, the newest first, with studies and persons by name where their keys are there (patient data).

    Raises psycopg.Error.
    """
    rows = _rows(connection, wanted)
    pseudonyms = sorted({name for row in rows for name in (*row["studies"], *row["patients"])})
    found = {row[0]: row[1:] for row in connection.execute(_NAMES, (pseudonyms,))}
    return [_document(row, found) for row in rows]


def kept_entries(connection: psycopg.Connection[Any], wanted: AuditFilter) -> Iterator[NumberedEntry]:
    """Yield entries as they are kept, the newest first, in short queries; number 0 stands for one without a seal.

    Raises psycopg.Error.
    """
    left, before = wanted.limit, wanted.before
    while left > 0:
        values = vars(wanted) | {"before": before, "limit": min(left, _BATCH)}
        rows = _rows(connection, AuditFilter(**values))
        for row in rows:
            yield NumberedEntry(row["number"] or 0, kept_entry(row))
        if len(rows) < _BATCH:
            return
        left, before = left - len(rows), rows[-1]["id"]


def _rows(connection: psycopg.Connection[Any], wanted: AuditFilter) -> list[dict[str, Any]]:
    begin = wanted.who.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + " %"
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_QUERY, vars(wanted) | {"who_begin": begin}).fetchall()


def _document(row: dict[str, Any], found: dict[str, tuple[str, str, str]]) -> dict[str, Any]:
    persons = [(name, found.get(name)) for name in row["patients"]]
    return {
        "id": row["id"],
        "number": row["number"],
        "at": row["at"],
        "action": row["action"],
        "outcome": row["outcome"],
        "who": row["who"],
        "who_kind": row["who_kind"],
        "address": row["address"],
        "studies": [found[name][0] if name in found else f"pseudonym:{name}" for name in row["studies"]],
        "patients": [
            {"patient_id": named[1], "issuer": named[2]} if named else {"pseudonym": name} for name, named in persons
        ],
        "subject": row["subject"],
        "detail": row["detail"],
    }
