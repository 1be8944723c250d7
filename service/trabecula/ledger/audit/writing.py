"""Writing an entry of the audit log on a plain connection; commands that load no tables write it here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from trabecula.domain.audit.entry import AuditEntry
from trabecula.ledger.audit.pseudonyms import persons_of, pseudonyms_of_persons, pseudonyms_of_studies
from trabecula.ledger.texts import storable

_WRITE = """
    INSERT INTO audit_entries (at, action, outcome, who, who_kind, address, studies, patients, subject, detail)
    VALUES (coalesce(%(at)s, clock_timestamp()), %(action)s, %(outcome)s, %(who)s, %(who_kind)s, %(address)s,
            %(studies)s, %(patients)s, %(subject)s, %(detail)s)
    RETURNING id
"""


def write_entry(connection: psycopg.Connection[Any], entry: AuditEntry, *, at: datetime | None = None) -> int:
    """Write an entry in the connection's transaction and return its id, as ``appending.append`` does.

    Raises psycopg.Error.
    """
    persons = [*entry.patients, *persons_of(connection, entry.studies)]
    values = {
        "at": at,
        "action": str(entry.action),
        "outcome": str(entry.outcome),
        "who": storable(entry.who),
        "who_kind": str(entry.who_kind),
        "address": storable(entry.address),
        "studies": pseudonyms_of_studies(connection, entry.studies),
        "patients": pseudonyms_of_persons(connection, persons),
        "subject": storable(entry.subject),
        "detail": storable(entry.detail),
    }
    row = connection.execute(_WRITE, values).fetchone()
    assert row is not None, "what was inserted has a number"
    return int(row[0])
