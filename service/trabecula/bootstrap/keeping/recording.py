"""Builder of an entry of the audit log around a change that is made outside of the ledger, e.g. in a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from trabecula.bootstrap.database import opened_database
from trabecula.domain.audit.entry import AuditEntry
from trabecula.domain.errors_of.ledger import LedgerMissing
from trabecula.ledger.audit.writing import write_entry
from trabecula.ledger.connections import connect
from trabecula.settings import Settings


@contextmanager
def recorded(settings: Settings, entry: AuditEntry) -> Iterator[None]:
    """Write the entry and make the change inside: neither is there without the other.

    An installation that has no ledger yet has no audit log. Raises DatabaseUnavailable.
    """
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(connect(opened.enter_context(opened_database(settings))))
        except LedgerMissing:
            connection = None
        if connection is not None:
            write_entry(connection, entry)
        yield
