"""Verifying the log: the whole chain is made again from its entries and compared with its seals and exported heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.audit.chain import Fault, FaultKind, Head, KeptEntry, Seal, faults_of, faults_of_heads
from trabecula.ledger.audit.sealing import head_of, kept_entry, unsealed

_BATCH = 5000
_LINKS = """
    SELECT s.number, s.entry_id, s.digest, s.seal, e.* FROM audit_seals s LEFT JOIN audit_entries e ON e.id = s.entry_id
    WHERE s.number > %s ORDER BY s.number LIMIT %s
"""
_DIGEST = "SELECT number FROM audit_seals WHERE digest = %s LIMIT 1"
_UNLISTED = """
    SELECT count(*) FROM audit_entries e WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.entry_id = e.id)
      AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.entry_id = e.id)
"""
_SEALS = "SELECT number, seal FROM audit_seals WHERE number = ANY(%s)"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was verified: sealed entries, the newest seal, entries that wait for their seal, heads, and all faults."""

    entries: int
    head: Head
    unsealed: int
    heads: int
    faults: tuple[Fault, ...]


def verify(connection: psycopg.Connection[Any], heads: Sequence[Head], most: int = 100) -> Verified:
    """Verify the log as it is committed now, in one snapshot; at most about ``most`` faults are told.

    Raises psycopg.Error.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        newest = head_of(connection)
        faults: list[Fault] = []
        for fault in faults_of(_links(connection), _Digests(connection)):
            faults.append(fault)
            if len(faults) >= most:
                break
        seals = dict(connection.execute(_SEALS, ([head.number for head in heads],)).fetchall())
        faults += faults_of_heads(heads, seals, newest.number)
        if newest.number and not heads:
            words = "no exported head was given: whether the end of the log was cut off cannot be told"
            faults.append(Fault(FaultKind.NO_HEAD, newest.number, words))
        faults += _unlisted(connection)
        count = connection.execute("SELECT count(*) FROM audit_seals").fetchone()
        return Verified(
            entries=int(count[0]) if count else 0,
            head=newest,
            unsealed=unsealed(connection),
            heads=len(heads),
            faults=tuple(faults),
        )


class _Digests(dict[str, int]):
    """Where a digest is sealed, looked up for the few entries that are not what their seal says."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self._connection = connection

    def get(self, digest: str, default: Any = None) -> Any:
        row = self._connection.execute(_DIGEST, (digest,)).fetchone()
        return default if row is None else int(row[0])


def _links(connection: psycopg.Connection[Any]) -> Iterator[tuple[Seal, KeptEntry | None]]:
    last = 0
    while True:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_LINKS, (last, _BATCH)).fetchall()
        for row in rows:
            seal = Seal(row["number"], row["entry_id"], row["digest"], row["seal"])
            yield seal, None if row["id"] is None else kept_entry(row)
        if len(rows) < _BATCH:
            return
        last = rows[-1]["number"]


def _unlisted(connection: psycopg.Connection[Any]) -> Iterator[Fault]:
    row = connection.execute(_UNLISTED).fetchone()
    if row and row[0]:
        yield Fault(FaultKind.UNLISTED, 0, f"{row[0]} entries have no seal and do not wait for one")
