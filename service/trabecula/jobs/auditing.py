"""The audit log, once a minute on the queue ``sys``: what was committed is sealed, the head exported, entries sent.

One sealer and one sender at a time, on whichever host; where each wire is stands in the ledger, so that nothing is
lost while a server is away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import structlog

from trabecula.domain.audit.chain import Head
from trabecula.domain.audit.wire import NumberedEntry
from trabecula.domain.errors import DatabaseUnavailable, TrabeculaError
from trabecula.domain.errors_of.ledger import AuditHeadInvalid, AuditHeadUnwritten
from trabecula.ledger.audit import wires
from trabecula.ledger.audit.heads import append_head
from trabecula.ledger.audit.sealing import head_of, seal_waiting
from trabecula.ledger.connections import connect, first_line

_AT_ONCE = 200
_MOST_BATCHES = 100
"""Of one run: 20,000 entries; the next run goes on."""

log = structlog.get_logger(__name__)

Wire = Callable[[Sequence[NumberedEntry]], int]
"""Sends entries and returns how many of them, from the first on, were taken. Raises AuditNotSent, SecretUnreadable."""


@dataclass(frozen=True)
class Auditing:
    """Where heads are exported, and over which wires entries go."""

    head_files: tuple[Path, ...]
    wires: Mapping[str, Wire] = field(default_factory=dict)


def keep_audit(database_url: str, auditing: Auditing) -> None:
    """Seal what waits, export the head, send what is due. Raises DatabaseUnavailable."""
    try:
        with connect(database_url) as connection:
            connection.autocommit = True
            _tell_sealed(seal_and_export(connection, auditing.head_files))
            for name, wire in auditing.wires.items():
                _send(connection, name, wire)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(first_line(error)) from error


@dataclass(frozen=True)
class Sealed:
    """What a sealing did: how many entries, the newest seal, and which files did not take it."""

    entries: int
    head: Head
    unwritten: tuple[AuditHeadUnwritten, ...] = ()


def seal_and_export(connection: psycopg.Connection[Any], head_files: Sequence[Path]) -> Sealed:
    """Seal what waits and add the head to each file that lacks it. Raises psycopg.Error."""
    count = seal_waiting(connection)
    head = head_of(connection)
    unwritten = []
    for path in head_files if head.number else ():
        try:
            append_head(path, head)
        except (OSError, AuditHeadInvalid) as error:
            why = error.sentence if isinstance(error, AuditHeadInvalid) else error.strerror or type(error).__name__
            unwritten.append(AuditHeadUnwritten(f"{path}: {why}"))
    return Sealed(count, head, tuple(unwritten))


def _tell_sealed(sealed: Sealed) -> None:
    """The log is one more place where the head is kept."""
    if sealed.entries:
        log.info("audit.sealed", entries=sealed.entries, number=sealed.head.number, seal=sealed.head.seal)
    for error in sealed.unwritten:
        log.error("audit.not_exported", code=error.code, reason=error.sentence, next_step=error.next_step)


def _send(connection: psycopg.Connection[Any], name: str, wire: Wire) -> None:
    after = wires.due_after(connection, name)
    sent = 0
    for _ in range(_MOST_BATCHES if after is not None else 0):
        assert after is not None, "nothing is sent while the wire waits"
        entries = wires.entries_after(connection, after, _AT_ONCE)
        if not entries:
            break
        try:
            taken = wire(entries)
        except TrabeculaError as error:
            wires.mark_not_sent(connection, name, error.sentence)
            facts = {"code": error.code, "reason": error.sentence, "next_step": error.next_step}
            log.warning("audit.not_sent", wire=name, **facts)
            return
        after, sent = entries[taken - 1].number, sent + taken
        wires.mark_sent(connection, name, after)
    if sent:
        log.info("audit.sent", wire=name, entries=sent, number=after)
