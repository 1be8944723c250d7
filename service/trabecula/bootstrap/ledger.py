"""Builders of the ledger: an engine on the database, and the function that opens a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from trabecula.domain.ports.ledger import OpenLedger
from trabecula.jobs.queue import BacklogQueue
from trabecula.ledger.database import create_engine_for


@contextmanager
def opened_engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on the database, disposed at the end."""
    engine = create_engine_for(database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def ledger_of(engine: Engine) -> OpenLedger:
    """Return the function that opens a transaction of the ledger."""
    from trabecula.ledger.store import ledger_opener  # all rows; who only asks a question needs none of them

    return ledger_opener(engine, BacklogQueue())
