"""Appending to the audit log: one row within the caller's transaction; nobody waits for a chain or for each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Connection

from trabecula.domain.audit.entry import AuditEntry
from trabecula.domain.errors import DatabaseUnavailable
from trabecula.ledger.audit.writing import write_entries, write_entry
from trabecula.ledger.connections import first_line
from trabecula.ledger.database import driver_connection


def append(connection: Connection, entry: AuditEntry, *, at: datetime | None = None) -> int:
    """Write an entry and return its id; it is there once the caller commits, which is before a page is shown.

    The persons of its studies are named besides those it names; ``at`` is the database's time where it is None.
    Raises DatabaseUnavailable.
    """
    with _transaction_of(connection) as below:
        return write_entry(below, entry, at=at)


def append_all(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Write entries in order, as ``append`` does; whom they name is looked up once for all.

    Raises DatabaseUnavailable.
    """
    with _transaction_of(connection) as below:
        write_entries(below, entries)


@contextmanager
def _transaction_of(connection: Connection) -> Iterator[psycopg.Connection[Any]]:
    if not connection.in_transaction():
        connection.begin()  # SQLAlchemy commits what it knows to have begun
    try:
        yield driver_connection(connection)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(first_line(error)) from error
