"""What monitors ask of the ledger, in a few indexed queries: counts and ages, nothing of any patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from trabecula.domain.notification.troubles import HostDisk
from trabecula.ledger.notifications.disks import host_disks

_DISK_SECONDS = 300.0
"""A host tells every half a minute; one that is silent for longer is not shown as it was."""

_ARE_COUNTED = "SELECT count(*) FROM desk_backfill WHERE ended_at IS NOT NULL"
_STUDIES = """
    SELECT kept.state, kept.studies FROM (
        SELECT coalesce(sum(analysing), 0)::bigint AS analysing, coalesce(sum(reporting), 0)::bigint AS reporting,
               coalesce(sum(delivering), 0)::bigint AS delivering, coalesce(sum(done), 0)::bigint AS done,
               coalesce(sum(failed), 0)::bigint AS failed, coalesce(sum(cancelled), 0)::bigint AS cancelled
        FROM desk_days) AS days,
    LATERAL (VALUES ('ANALYSING', analysing), ('REPORTING', reporting), ('DELIVERING', delivering), ('DONE', done),
                    ('FAILED', failed), ('CANCELLED', cancelled)) AS kept(state, studies)
    UNION ALL
    SELECT 'RECEIVING', count(*) FROM (SELECT FROM studies WHERE state = 'RECEIVING' LIMIT 100000) AS receiving
"""
"""The figures that triggers keep for each day and site: a few rows a day, however many studies there are."""
_STUDIES_ONE_BY_ONE = "SELECT state, count(*) FROM studies GROUP BY state"
"""While studies of an older version have not been counted yet (``desk_backfill``)."""
_FAILURES = """
    SELECT coalesce(failure_code, ''), count(*) FROM (
        SELECT failure_code FROM studies WHERE state = 'FAILED' LIMIT 100000) AS failed
    GROUP BY failure_code
"""
_LAST_IMAGES = """
    WITH RECURSIVE sources AS (
        (SELECT calling_ae_title AS name FROM studies ORDER BY calling_ae_title LIMIT 1)
        UNION ALL
        SELECT (SELECT calling_ae_title FROM studies WHERE calling_ae_title > sources.name
                ORDER BY calling_ae_title LIMIT 1)
        FROM sources WHERE sources.name IS NOT NULL)
    SELECT name, (SELECT extract(epoch FROM max(last_image_at))::float FROM studies WHERE calling_ae_title = name)
    FROM sources WHERE name IS NOT NULL LIMIT 200
"""
"""The sources one after the other by the index, which skips their studies."""
_WAITING = """
    SELECT queue, sum(waiting)::bigint, coalesce(max(oldest_s), 0)::float FROM (
        SELECT l.queue, count(*) AS waiting, extract(epoch FROM now() - min(b.due_at)) AS oldest_s
        FROM backlog_lanes l JOIN backlog b ON b.lane_id = l.id WHERE b.due_at <= now() GROUP BY l.queue
        UNION ALL
        SELECT queue_name, count(*), extract(epoch FROM now() - min(coalesce(scheduled_at, now())))
        FROM procrastinate_jobs WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now() GROUP BY queue_name
    ) AS due GROUP BY queue
"""
_RUNNING = "SELECT queue_name, count(*) FROM procrastinate_jobs WHERE status = 'doing' GROUP BY queue_name"
_WORKERS = """
    SELECT q.queue, count(*) FROM worker_queues q JOIN procrastinate_workers w ON w.id = q.worker_id
    WHERE w.last_heartbeat > now() - make_interval(secs => %(stalled_s)s) GROUP BY q.queue
"""
_PENDING = """
    SELECT d.destination, count(*), count(*) FILTER (WHERE d.error_code <> ''),
           extract(epoch FROM now() - min(coalesce(r.reported_at, d.changed_at)))::float,
           coalesce(extract(epoch FROM now() - min(coalesce(r.reported_at, d.changed_at))
                            FILTER (WHERE d.error_code <> '')), 0)::float
    FROM object_deliveries d
    JOIN studies s ON s.study_uid = d.study_uid AND s.revision = d.revision
    LEFT JOIN revisions r ON r.study_uid = d.study_uid AND r.revision = d.revision
    WHERE d.state = 'PENDING' AND s.state = 'DELIVERING' GROUP BY d.destination
"""
_LISTENERS = """
    SELECT name, max(extract(epoch FROM clock_timestamp() - registered_until))::float,
           max(extract(epoch FROM clock_timestamp() - told_at))::float, sum(backlog_bytes)::bigint
    FROM listeners WHERE ended_at IS NULL GROUP BY name
"""
_LIVING = """
    SELECT DISTINCT name FROM listeners
    WHERE ended_at IS NULL AND told_at > clock_timestamp() - make_interval(secs => %(stalled_s)s) ORDER BY name
"""
_UNSEALED = "SELECT count(*) FROM audit_unsealed"
_WIRES = "SELECT name, (SELECT coalesce(max(number), 0) FROM audit_seals) - sent_number FROM audit_wires"
_HELD = "SELECT count(*) FROM quarantine WHERE state = 'HELD'"


@dataclass(frozen=True)
class Waiting:
    """How many wait, and how long the oldest of them has waited, in seconds."""

    count: int
    oldest_s: float


@dataclass(frozen=True)
class PendingDelivery:
    """Objects that a destination does not have yet; ``tried`` of them were tried at least once and not taken.

    Ages in seconds count from when the report was made.
    """

    objects: int
    tried: int
    oldest_s: float
    oldest_tried_s: float


@dataclass(frozen=True)
class ListenerFigures:
    """A listener with a journal: how far its rows are behind and when it told so, in seconds, and its backlog."""

    behind_s: float
    told_s: float
    backlog_bytes: int


@dataclass(frozen=True, kw_only=True)
class LedgerFigures:
    """The ledger in numbers; what is not there has no entry. ``last_images``: Unix time for each calling AE title."""

    studies: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    last_images: Mapping[str, float] = field(default_factory=dict)
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    running: Mapping[str, int] = field(default_factory=dict)
    workers: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, PendingDelivery] = field(default_factory=dict)
    listeners: Mapping[str, ListenerFigures] = field(default_factory=dict)
    disks: Sequence[HostDisk] = ()
    quarantined: int = 0
    audit_unsealed: int = 0
    audit_pending: Mapping[str, int] = field(default_factory=dict)


def read_figures(connection: psycopg.Connection[Any], stalled_s: float) -> LedgerFigures:
    """Return the ledger's figures; a worker silent for ``stalled_s`` does not count. Raises psycopg.Error."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, {"stalled_s": stalled_s}).fetchall()

    with connection.transaction():
        return LedgerFigures(
            studies=dict(rows(_STUDIES if rows(_ARE_COUNTED)[0][0] else _STUDIES_ONE_BY_ONE)),
            failures=dict(rows(_FAILURES)),
            last_images=dict(rows(_LAST_IMAGES)),
            waiting={name: Waiting(int(count), oldest_s) for name, count, oldest_s in rows(_WAITING)},
            running=dict(rows(_RUNNING)),
            workers=dict(rows(_WORKERS)),
            pending={name: PendingDelivery(*figures) for name, *figures in rows(_PENDING)},
            listeners={name: ListenerFigures(*figures) for name, *figures in rows(_LISTENERS)},
            disks=host_disks(connection, _DISK_SECONDS),
            quarantined=int(rows(_HELD)[0][0]),
            audit_unsealed=int(rows(_UNSEALED)[0][0]),
            audit_pending=dict(rows(_WIRES)),
        )


def living_listeners(connection: psycopg.Connection[Any], stalled_s: float) -> tuple[str, ...]:
    """Return the names of the listeners that told within ``stalled_s`` that they live. Raises psycopg.Error."""
    return tuple(name for (name,) in connection.execute(_LIVING, {"stalled_s": stalled_s}))


def living_workers(connection: psycopg.Connection[Any], stalled_s: float) -> Mapping[str, int]:
    """Return how many workers of each queue told within ``stalled_s`` that they live. Raises psycopg.Error."""
    return dict(connection.execute(_WORKERS, {"stalled_s": stalled_s}).fetchall())
