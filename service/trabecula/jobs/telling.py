"""Telling people, once a minute on the queue ``sys``: what is news becomes a message, messages are sent.

What people know and what is on its way stand in the ledger: two hosts do not both tell, and a restart repeats nothing.
A message is marked as sent after the server took it, so one whose sender is killed in that moment comes twice, with
the same Message-ID.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import structlog
from sqlalchemy import Engine

from trabecula.domain.errors import TrabeculaError
from trabecula.domain.notification.messages import Message, message_of_day, message_of_news
from trabecula.domain.notification.troubles import (
    HostDisk,
    ServiceFigures,
    TellingPolicy,
    Undelivered,
    news_of,
    troubles_of,
)
from trabecula.ledger.database import database_errors, driver_connection
from trabecula.ledger.notifications import rows
from trabecula.ledger.notifications.day import day_figures
from trabecula.ledger.notifications.disks import forget_disks, host_disks, tell_disks
from trabecula.ledger.queries.monitoring import read_figures

_MOST_AT_ONCE = 20
_LATE = timedelta(hours=1)
_HOST_SECONDS = 86400.0
"""What a host said of its disks counts for a day: one that is gone meanwhile has not found room."""

log = structlog.get_logger(__name__)

Channel = Callable[[Message, str], None]
"""Sends a message of a key. Raises MessageNotSent, SecretUnreadable."""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Who is told over which channels, by which rules; ``digest_minutes`` after midnight, None for no digest."""

    channels: Mapping[str, Channel]
    policy: TellingPolicy
    site: str
    data_dir: Path
    watermark_bytes: int
    stalled_s: float
    digest_minutes: int | None


def tell_people(engine: Engine, telling: Telling) -> None:
    """Write what is news, then send what is due. Raises DatabaseUnavailable."""
    if not telling.channels:
        return
    with database_errors():
        _write_news(engine, telling)
        silent: set[str] = set()
        for _ in range(_MOST_AT_ONCE):
            if not _send_next(engine, telling, silent):
                return


def _write_news(engine: Engine, telling: Telling) -> None:
    here = _disk_here(telling)
    with engine.begin() as opened:
        connection = driver_connection(opened)
        now = rows.take_turn(connection)
        tell_disks(connection, (here,))
        troubles = troubles_of(_figures(connection, telling, now), telling.policy)
        news = news_of(rows.told_troubles(connection), troubles, telling.policy, now)
        rows.remember_told(connection, news.known)
        message = message_of_news(news, telling.site)
        if message is not None:
            rows.write_message(connection, f"news-{uuid.uuid4().hex}", message, list(telling.channels))
        _write_digest(connection, telling, now, here.free_bytes)


def _write_digest(connection: psycopg.Connection[Any], telling: Telling, now: datetime, free_bytes: int) -> None:
    """Write the digest of the day that ended at the last time for it, unless it was written.

    A service that was down then is late with it; one that never wrote any begins with the next day.
    """
    if telling.digest_minutes is None:
        return
    clock = telling.policy.working_time
    today = now.astimezone(clock.zone).date()
    until = clock.moment(today, telling.digest_minutes)
    if now < until:
        return
    key = f"digest-{today.isoformat()}"
    late = now - until > _LATE and not rows.has_digest(connection)
    if late or rows.is_written(connection, key):
        return
    since = clock.moment(today - timedelta(days=1), telling.digest_minutes)
    message = message_of_day(day_figures(connection, since, until, free_bytes), telling.site)
    rows.write_message(connection, key, message, list(telling.channels))
    rows.forget_old_messages(connection)
    forget_disks(connection)


def _send_next(engine: Engine, telling: Telling, silent: set[str]) -> bool:
    """Send the message that is due longest; False where there is none. A channel that fails is ``silent`` from then."""
    with engine.begin() as opened:
        connection = driver_connection(opened)
        due = rows.next_due(connection, without=silent)
        if due is None:
            return False
        channel = telling.channels.get(due.channel)
        facts = {"channel": due.channel, "kind": str(due.message.kind), "key": due.key}
        if channel is None:  # the settings changed since it was written
            rows.message_not_sent(connection, due, "no such channel is set")
            return True
        try:
            channel(due.message, due.key)
        except TrabeculaError as error:
            silent.add(due.channel)
            rows.message_not_sent(connection, due, error.sentence)
            log.warning("message.not_sent", **facts, code=error.code, reason=error.sentence, next_step=error.next_step)
        else:
            rows.message_sent(connection, due)
            log.info("message.sent", **facts)
    return True


def _figures(connection: psycopg.Connection[Any], telling: Telling, now: datetime) -> ServiceFigures:
    found = read_figures(connection, telling.stalled_s)
    last = max(found.last_images.values(), default=None)
    return ServiceFigures(
        now=now,
        failures=found.failures,
        undelivered={name: Undelivered(item.tried, item.oldest_tried_s) for name, item in found.pending.items()},
        last_image_at=None if last is None else datetime.fromtimestamp(last, now.tzinfo),
        disks=host_disks(connection, _HOST_SECONDS),
    )


def _disk_here(telling: Telling) -> HostDisk:
    found = os.statvfs(telling.data_dir)
    free_bytes = found.f_bavail * found.f_frsize
    host = socket.gethostname()
    return HostDisk(host=host, folder="data", free_bytes=free_bytes, watermark_bytes=telling.watermark_bytes)
