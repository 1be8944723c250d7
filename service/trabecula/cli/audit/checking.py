"""The check ``audit`` of ``trabecula doctor``: entries are sealed, and servers of audit messages are not behind."""

from __future__ import annotations

from typing import Any

import psycopg

from trabecula.bootstrap.keeping.audit import wires_of
from trabecula.domain.errors_of.ledger import AuditNotSealed, AuditNotSent
from trabecula.ledger.audit.sealing import head_of, oldest_unsealed_s
from trabecula.ledger.audit.wires import standings
from trabecula.settings import Settings

_SEALED_WITHIN_S = 600.0
"""Entries are sealed every minute; ten without a seal mean that nobody seals."""
_SENT_WITHIN_S = 3600.0
"""A server that is started anew is back within an hour; the longest pause between two tries is 15 minutes."""


def audit(settings: Settings, connection: psycopg.Connection[Any]) -> str:
    """Whether entries are sealed and sent. Raises AuditNotSealed, AuditNotSent."""
    waits_s, head, found = oldest_unsealed_s(connection), head_of(connection), standings(connection)
    if waits_s > _SEALED_WITHIN_S:
        raise AuditNotSealed(f"the oldest for {waits_s / 60:.0f} min")
    set_now = wires_of(settings, "")
    late = [wire for wire in found if wire.name in set_now and wire.pending and wire.oldest_s > _SENT_WITHIN_S]
    if late:
        told = (f"{one.name}: {one.pending} wait, for {one.oldest_s / 3600:.0f} h; {one.error}" for one in late)
        raise AuditNotSent("; ".join(told).rstrip("; "))
    pending = {wire.name: wire.pending for wire in found}
    wires = (f"; {name}: {pending.get(name, head.number)} to send" for name in set_now)
    return f"{head.number} entries sealed{''.join(wires)}"
