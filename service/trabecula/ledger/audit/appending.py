"""Appending to the audit log: one row within the caller's transaction; nobody waits for a chain or for each other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert

from trabecula.domain.audit.entry import AuditEntry
from trabecula.ledger.audit.pseudonyms import persons_of, pseudonyms_of_persons, pseudonyms_of_studies
from trabecula.ledger.audit.tables import AuditEntryRow
from trabecula.ledger.texts import storable


def append(connection: Connection, entry: AuditEntry, *, at: datetime | None = None) -> int:
    """Write an entry and return its id; it is there once the caller commits, which is before a page is shown.

    The persons of its studies are named besides those it names; ``at`` is the database's time where it is None.
    Raises sqlalchemy.exc.SQLAlchemyError.
    """
    persons = [*entry.patients, *persons_of(connection, entry.studies)]
    values = {
        "action": str(entry.action),
        "outcome": str(entry.outcome),
        "who": storable(entry.who),
        "who_kind": str(entry.who_kind),
        "address": storable(entry.address),
        "studies": pseudonyms_of_studies(connection, entry.studies),
        "patients": pseudonyms_of_persons(connection, persons),
        "subject": storable(entry.subject),
        "detail": storable(entry.detail),
    } | ({} if at is None else {"at": at})
    return int(connection.execute(insert(AuditEntryRow).values(**values).returning(AuditEntryRow.id)).scalar_one())
