"""Rows of what people were told and of messages on their way, on a plain connection and in its transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from trabecula.domain.notification.messages import Message, MessageKind
from trabecula.domain.notification.troubles import ToldTrouble, TroubleKind

_LOCK = 7_243_851_903
"""Held while deciding what is news, so that two hosts do not both write the same message."""
_KEEP_DAYS = 90
_GIVE_UP_HOURS = 72
_LONGEST_PAUSE_MINUTES = 60

_DUE = """
    SELECT id, key, channel, document FROM outgoing_messages
    WHERE next_try_at <= clock_timestamp() AND channel <> ALL(%s) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_SENT = "UPDATE outgoing_messages SET sent_at = clock_timestamp(), next_try_at = NULL, error = '' WHERE id = %s"
_NOT_SENT = """
    UPDATE outgoing_messages SET attempts = attempts + 1, error = %(error)s,
        next_try_at = CASE WHEN created_at > clock_timestamp() - make_interval(hours => %(give_up_hours)s)
            THEN clock_timestamp() + make_interval(mins => least(2 ^ least(attempts, 10), %(longest)s)::int) END
    WHERE id = %(id)s
"""


@dataclass(frozen=True)
class DueMessage:
    """A message that is to be sent now over one channel; nobody else sends it while the transaction lasts."""

    id: int
    key: str
    channel: str
    message: Message


def take_turn(connection: psycopg.Connection[Any]) -> datetime:
    """Wait until nobody else decides what is news, until this transaction ends; return the database's time."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None, "a clock has a time"
    now: datetime = row[0]
    return now


def told_troubles(connection: psycopg.Connection[Any]) -> list[ToldTrouble]:
    """Return what people know."""
    rows = connection.execute("SELECT kind, subject, since, told_at, told_size FROM open_troubles").fetchall()
    return [
        ToldTrouble(kind=TroubleKind(kind), subject=subject, since=since, told_at=told_at, told_size=size)
        for kind, subject, since, told_at, size in rows
    ]


def remember_told(connection: psycopg.Connection[Any], known: Sequence[ToldTrouble]) -> None:
    """Keep what people know now, and nothing else."""
    connection.execute("DELETE FROM open_troubles")
    for item in known:
        connection.execute(
            "INSERT INTO open_troubles (kind, subject, since, told_at, told_size) VALUES (%s, %s, %s, %s, %s)",
            (str(item.kind), item.subject, item.since, item.told_at, item.told_size),
        )


def write_message(connection: psycopg.Connection[Any], key: str, message: Message, channels: Sequence[str]) -> bool:
    """Write a message for each channel; False where one of this key was written before."""
    written = 0
    for channel in channels:
        written += connection.execute(
            "INSERT INTO outgoing_messages (key, channel, kind, document) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            (key, channel, str(message.kind), Jsonb(message.document())),
        ).rowcount
    return written > 0


def is_written(connection: psycopg.Connection[Any], key: str) -> bool:
    """Return whether a message of this key was written."""
    found = connection.execute("SELECT 1 FROM outgoing_messages WHERE key = %s LIMIT 1", (key,)).fetchone()
    return found is not None


def has_digest(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a digest was written in the last days."""
    found = connection.execute("SELECT 1 FROM outgoing_messages WHERE kind = 'DIGEST' LIMIT 1").fetchone()
    return found is not None


def next_due(connection: psycopg.Connection[Any], without: Collection[str] = ()) -> DueMessage | None:
    """Return the oldest message that is due and that nobody else sends now; None without one.

    Channels in ``without`` are left out.
    """
    row = connection.execute(_DUE, (list(without),)).fetchone()
    if row is None:
        return None
    number, key, channel, document = row
    facts = {name: value for name, value in document.items() if name not in ("kind", "subject", "text")}
    message = Message(
        kind=MessageKind(document["kind"]), subject=document["subject"], text=document["text"], facts=facts
    )
    return DueMessage(number, key, channel, message)


def message_sent(connection: psycopg.Connection[Any], due: DueMessage) -> None:
    """Record that a message was sent."""
    connection.execute(_SENT, (due.id,))


def message_not_sent(connection: psycopg.Connection[Any], due: DueMessage, error: str) -> None:
    """Record why a message was not sent; it is tried again after a pause that grows, for three days."""
    values = {"id": due.id, "error": error, "give_up_hours": _GIVE_UP_HOURS, "longest": _LONGEST_PAUSE_MINUTES}
    connection.execute(_NOT_SENT, values)


def forget_old_messages(connection: psycopg.Connection[Any]) -> None:
    """Delete messages of long ago."""
    connection.execute(
        "DELETE FROM outgoing_messages WHERE created_at < clock_timestamp() - make_interval(days => %s)", (_KEEP_DAYS,)
    )


def unsent_messages(connection: psycopg.Connection[Any]) -> list[tuple[str, str, int]]:
    """Return channel, last error and number of messages that were tried and not sent in the last days."""
    rows = connection.execute(
        "SELECT channel, max(error), count(*) FROM outgoing_messages "
        "WHERE sent_at IS NULL AND error <> '' AND created_at > clock_timestamp() - interval '3 days' GROUP BY channel"
    ).fetchall()
    return [(channel, error, int(count)) for channel, error, count in rows]
