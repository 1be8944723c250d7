"""The backlog as operators see and steer it: what waits in which lane, and what is paused; plain SQL throughout."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.audit.writing import write_entry

_LANES = """
    DELETE FROM backlog_lanes WHERE id IN (
        SELECT id FROM backlog_lanes l WHERE NOT EXISTS (SELECT FROM backlog WHERE lane_id = l.id)
        FOR UPDATE SKIP LOCKED)
    AND NOT EXISTS (SELECT FROM backlog WHERE lane_id = backlog_lanes.id)
"""
"""A lane that somebody is about to put a job into is locked by them, and left."""

_LANES = """
    SELECT l.queue, l.rank, l.name AS lane, b.stage,
           count(*) FILTER (WHERE b.due_at <= now()) AS waiting, count(*) FILTER (WHERE b.due_at > now()) AS later,
           round(extract(epoch FROM now() - min(b.due_at) FILTER (WHERE b.due_at <= now())), 1)::float AS oldest_seconds
    FROM backlog_lanes l JOIN backlog b ON b.lane_id = l.id
    GROUP BY l.queue, l.rank, l.name, b.stage ORDER BY l.queue, l.rank, l.name
"""
_RUNNING = """
    SELECT queue_name AS queue, count(*) AS running FROM procrastinate_jobs
    WHERE status = 'doing' AND queue_name IN ('cpu', 'io') GROUP BY queue_name
"""
_HASTEN = """
    UPDATE backlog b SET due_at = clock_timestamp() FROM backlog_lanes l
    WHERE l.queue = %(queue)s AND l.is_destination AND l.name = %(name)s AND b.lane_id = l.id
      AND b.stage = 'deliver' AND b.due_at > clock_timestamp()
"""
_NEXT_ATTEMPTS = """
    UPDATE object_deliveries SET next_attempt_at = clock_timestamp()
    WHERE destination = %(name)s AND state = 'PENDING' AND next_attempt_at > clock_timestamp()
"""
_CHOOSING = "SELECT pg_advisory_xact_lock(724385191, hashtext(%s))"
"""Held by whoever chooses the next job of a queue, see version 0010 of the schema."""


def list_lanes(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return what waits in each lane, how many jobs of each queue run, and what is paused, since when and by whom."""
    with connection.cursor(row_factory=dict_row) as cursor:
        lanes = cursor.execute(_LANES).fetchall()
        running = {row["queue"]: row["running"] for row in cursor.execute(_RUNNING)}
        pauses = cursor.execute("SELECT * FROM pauses ORDER BY queue, destination").fetchall()
    return {
        "lanes": lanes,
        "running": running,
        "paused": [row | {"paused_at": row["paused_at"].isoformat()} for row in pauses],
    }


def pause(connection: psycopg.Connection[Any], queue: str, destination: str, who: str) -> None:
    """Start nothing more of a queue, or to a destination; when this returns, nothing does. What runs goes on."""
    with connection.transaction():
        connection.execute(_CHOOSING, (queue,))
        connection.execute(
            "INSERT INTO pauses (queue, destination, paused_by) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (queue, destination, who),
        )
        write_entry(connection, entry_of(AuditAction.QUEUE_PAUSED, who, subject=destination or queue))


def resume(connection: psycopg.Connection[Any], queue: str, destination: str, who: str) -> bool:
    """Let a paused queue or destination go on, and wake its workers; False where it was not paused.

    What waits for a later try to the destination is due at once.
    """
    with connection.transaction():
        if destination:
            for statement in (_HASTEN, _NEXT_ATTEMPTS):
                connection.execute(statement, {"queue": queue, "name": destination})
        gone = connection.execute("DELETE FROM pauses WHERE queue = %s AND destination = %s", (queue, destination))
        connection.execute(
            'SELECT pg_notify(\'procrastinate_queue_v1#\' || %s, \'{"type": "job_inserted", "job_id": 0}\')', (queue,)
        )
        if gone.rowcount > 0:
            write_entry(connection, entry_of(AuditAction.QUEUE_RESUMED, who, subject=destination or queue))
        return gone.rowcount > 0


def is_lane(connection: psycopg.Connection[Any], destination: str) -> bool:
    """Return whether anything waits, or waited lately, for a destination of this name."""
    found = connection.execute("SELECT FROM backlog_lanes WHERE is_destination AND name = %s LIMIT 1", (destination,))
    return found.fetchone() is not None
