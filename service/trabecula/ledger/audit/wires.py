"""How far each wire has sent the log, on a plain connection: in the order of the seals, and none is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.audit.wire import NumberedEntry
from trabecula.ledger.audit.sealing import kept_entry

_LONGEST_PAUSE_MINUTES = 15
_DUE = "SELECT sent_number FROM audit_wires WHERE name = %s AND next_try_at <= clock_timestamp()"
_NEXT = """
    SELECT s.number, e.* FROM audit_seals s JOIN audit_entries e ON e.id = s.entry_id
    WHERE s.number > %s ORDER BY s.number LIMIT %s
"""
_SENT = """
    UPDATE audit_wires SET sent_number = greatest(sent_number, %(number)s), sent_at = clock_timestamp(), attempts = 0,
        next_try_at = clock_timestamp(), error = '' WHERE name = %(name)s
"""
_NOT_SENT = """
    UPDATE audit_wires SET attempts = attempts + 1, error = %(error)s,
        next_try_at = clock_timestamp() + make_interval(mins => least(2 ^ least(attempts, 10), %(longest)s)::int)
    WHERE name = %(name)s
"""
_STANDING = """
    SELECT w.name, w.sent_number, w.error, (SELECT coalesce(max(number), 0) FROM audit_seals) - w.sent_number,
           coalesce((SELECT extract(epoch FROM clock_timestamp() - s.sealed_at)::float FROM audit_seals s
                     WHERE s.number = w.sent_number + 1), 0)
    FROM audit_wires w ORDER BY w.name
"""


@dataclass(frozen=True)
class WireStanding:
    """How a wire stands: the newest number sent, what is wrong, how many entries wait, and for how long the oldest."""

    name: str
    sent_number: int
    error: str
    pending: int
    oldest_s: float


def due_after(connection: psycopg.Connection[Any], name: str) -> int | None:
    """Return the number after which the wire goes on, None while it waits after a failure. Raises psycopg.Error."""
    connection.execute("INSERT INTO audit_wires (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
    row = connection.execute(_DUE, (name,)).fetchone()
    return None if row is None else int(row[0])


def entries_after(connection: psycopg.Connection[Any], number: int, most: int) -> list[NumberedEntry]:
    """Return the next sealed entries. Raises psycopg.Error."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [NumberedEntry(row["number"], kept_entry(row)) for row in cursor.execute(_NEXT, (number, most))]


def mark_sent(connection: psycopg.Connection[Any], name: str, number: int) -> None:
    """Record that everything up to this number was taken. Raises psycopg.Error."""
    connection.execute(_SENT, {"name": name, "number": number})


def mark_not_sent(connection: psycopg.Connection[Any], name: str, error: str) -> None:
    """Record why nothing was taken; it is tried again after a pause that grows. Raises psycopg.Error."""
    connection.execute(_NOT_SENT, {"name": name, "error": error, "longest": _LONGEST_PAUSE_MINUTES})


def standings(connection: psycopg.Connection[Any]) -> list[WireStanding]:
    """Return how each wire stands. Raises psycopg.Error."""
    return [WireStanding(*row) for row in connection.execute(_STANDING)]
