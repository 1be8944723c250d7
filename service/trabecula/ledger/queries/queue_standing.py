"""How the queue stands, for people and monitors: what waits, for how long, and who works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

_STANDING = """
    WITH due AS (
        SELECT due_at AS since FROM backlog WHERE due_at <= now()
        UNION ALL
        SELECT coalesce(scheduled_at, (SELECT max(at) FROM procrastinate_events WHERE job_id = j.id))
        FROM procrastinate_jobs j WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now())
    SELECT (SELECT count(*) FROM due) AS waiting,
           (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing') AS running,
           coalesce((SELECT extract(epoch FROM now() - min(since)) FROM due), 0) AS oldest_waiting_s,
           (SELECT count(*) FROM procrastinate_workers
             WHERE last_heartbeat > now() - make_interval(secs => %(stalled_s)s)) AS workers,
           ARRAY(SELECT CASE destination WHEN '' THEN queue ELSE destination END FROM pauses ORDER BY 1) AS paused
"""


@dataclass(frozen=True, kw_only=True)
class QueueStanding:
    """Jobs that could run now but wait, jobs that run, age of the oldest waiting one in seconds, living workers.

    ``paused`` names the queues and destinations that an operator has paused.
    """

    waiting: int
    running: int
    oldest_waiting_s: float
    workers: int
    paused: tuple[str, ...]


def queue_standing(connection: psycopg.Connection[Any], stalled_s: float) -> QueueStanding:
    """Return how the queue stands; a worker silent for ``stalled_s`` does not count. Raises psycopg.Error."""
    row = connection.cursor(row_factory=dict_row).execute(_STANDING, {"stalled_s": stalled_s}).fetchone()
    assert row is not None, "a query without FROM has one row"
    return QueueStanding(
        waiting=int(row["waiting"]),
        running=int(row["running"]),
        oldest_waiting_s=float(row["oldest_waiting_s"]),
        workers=int(row["workers"]),
        paused=tuple(row["paused"]),
    )
