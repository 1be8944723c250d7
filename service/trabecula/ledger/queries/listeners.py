"""What admins ask of listeners that keep a journal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, func, select, update

from trabecula.domain.errors_of.reception import ListenerUnknown
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.database import database_errors
from trabecula.ledger.reception_tables import ListenerRow


def list_listeners(engine: Engine) -> list[dict[str, Any]]:
    """Return each listener: how many seconds its rows are behind, when it told so, its backlog and its clock.

    ``clock_off_seconds`` is by how much its host's clock is ahead of the database's.
    """
    seconds = {
        "behind_seconds": clock_timestamp() - ListenerRow.registered_until,
        "told_seconds": clock_timestamp() - ListenerRow.told_at,
        "clock_off_seconds": ListenerRow.host_clock - ListenerRow.told_at,
    }
    query = select(
        *(ListenerRow.journal_uid, ListenerRow.name, ListenerRow.backlog_bytes),
        ListenerRow.ended_at.is_not(None).label("ended"),
        *(func.extract("epoch", interval).label(name) for name, interval in seconds.items()),
    ).order_by(ListenerRow.name, ListenerRow.journal_uid)
    with database_errors(), engine.connect() as connection:
        rows = connection.execute(query).mappings()
        return [{**row} | {name: round(float(row[name]), 3) for name in seconds} for row in rows]


def forget_listener(engine: Engine, journal_uid: str) -> str:
    """Take a listener as ended and return its name. Raises ListenerUnknown."""
    statement = (
        update(ListenerRow)
        .where(ListenerRow.journal_uid == journal_uid)
        .values(ended_at=clock_timestamp())
        .returning(ListenerRow.name)
    )
    with database_errors(), engine.begin() as connection:
        name = connection.execute(statement).scalar_one_or_none()
    if name is None:
        raise ListenerUnknown(journal_uid)
    return str(name)
