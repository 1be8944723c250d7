"""Sealing: one sealer at a time links what was committed to the chain, in an order of its own.

Whoever appends never waits for it. An entry that commits after others with higher ids were sealed is sealed next: the
order is the number that the sealer gives, never the id.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.audit.chain import FIRST, Head, KeptEntry, sealed

_LOCK = 7_243_851_904
"""Held while sealing, so that one sealer gives the numbers."""
_BATCH = 2000
_HEAD = "SELECT number, seal, sealed_at FROM audit_seals ORDER BY number DESC LIMIT 1"
_WAITING = """
    SELECT e.* FROM audit_unsealed u JOIN audit_entries e ON e.id = u.entry_id ORDER BY e.id LIMIT %(most)s
"""
_SEAL = "INSERT INTO audit_seals (number, entry_id, digest, seal) VALUES (%s, %s, %s, %s)"
_SEALED = "DELETE FROM audit_unsealed WHERE entry_id = ANY(%s)"
_OLDEST = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - e.at)), 0)::float
    FROM audit_unsealed u JOIN audit_entries e ON e.id = u.entry_id
"""
_COLUMNS = "id, at, action, outcome, who, who_kind, address, studies, patients, subject, detail"


def kept_entry(row: dict[str, Any]) -> KeptEntry:
    """Return the entry of a row with the columns of audit_entries."""
    names = {"studies": tuple(row["studies"]), "patients": tuple(row["patients"])}
    return KeptEntry(**{name: row[name] for name in _COLUMNS.split(", ")} | names)


def head_of(connection: psycopg.Connection[Any]) -> Head:
    """Return the newest seal; number 0 where nothing was sealed. Raises psycopg.Error."""
    row = connection.execute(_HEAD).fetchone()
    return Head(0, FIRST) if row is None else Head(int(row[0]), str(row[1]), row[2].isoformat())


def seal_waiting(connection: psycopg.Connection[Any]) -> int:
    """Seal every entry that was committed and waits, in short transactions; return how many. Raises psycopg.Error."""
    done = 0
    while True:
        with connection.transaction():
            count = _seal_batch(connection)
        done += count
        if count < _BATCH:
            return done


def _seal_batch(connection: psycopg.Connection[Any]) -> int:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    head = head_of(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        entries = [kept_entry(row) for row in cursor.execute(_WAITING, {"most": _BATCH})]
    if entries:
        links = [(link.number, link.entry_id, link.digest, link.seal) for link in sealed(entries, head)]
        with connection.cursor() as writing:
            writing.executemany(_SEAL, links)
        connection.execute(_SEALED, ([entry.id for entry in entries],))
    return len(entries)


def unsealed(connection: psycopg.Connection[Any]) -> int:
    """Return how many entries wait for their seal. Raises psycopg.Error."""
    row = connection.execute("SELECT count(*) FROM audit_unsealed").fetchone()
    return int(row[0]) if row else 0


def oldest_unsealed_s(connection: psycopg.Connection[Any]) -> float:
    """Return for how many seconds the oldest unsealed entry waits, 0 where none does. Raises psycopg.Error."""
    row = connection.execute(_OLDEST).fetchone()
    return float(row[0]) if row else 0.0
