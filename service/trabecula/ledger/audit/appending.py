"""Appending to the audit log: one row within the caller's transaction; nobody waits for a chain or for each other."""

from __future__ import annotations

from datetime import datetime

import psycopg
from sqlalchemy import Connection

from trabecula.domain.audit.entry import AuditEntry
from trabecula.domain.errors import DatabaseUnavailable
from trabecula.ledger.audit.writing import write_entry
from trabecula.ledger.connections import first_line
from trabecula.ledger.database import driver_connection


def append(connection: Connection, entry: AuditEntry, *, at: datetime | None = None) -> int:
    """Write an entry and return its id; it is there once the caller commits, which is before a page is shown.

    The persons of its studies are named besides those it names; ``at`` is the database's time where it is None.
    Raises DatabaseUnavailable.
    """
    if not connection.in_transaction():
        connection.begin()  # SQLAlchemy commits what it knows to have begun
    try:
        return write_entry(driver_connection(connection), entry, at=at)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(first_line(error)) from error
