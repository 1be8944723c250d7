"""How the queue stands, for people and monitors: what waits, for how long, and who works."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from trabecula.ledger.database import database_errors

_STANDING = text(
    """
    SELECT count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now()) AS waiting,
           count(*) FILTER (WHERE status = 'doing') AS running,
           coalesce(extract(epoch FROM now() - min(coalesce(scheduled_at, added)) FILTER (
               WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now())), 0) AS oldest_waiting_s,
           (SELECT count(*) FROM procrastinate_workers
             WHERE last_heartbeat > now() - make_interval(secs => :stalled_s)) AS workers
    FROM (SELECT j.status, j.scheduled_at, e.at AS added
          FROM procrastinate_jobs j
          LEFT JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
          WHERE j.status IN ('todo', 'doing')) AS jobs
    """
)


@dataclass(frozen=True)
class QueueStanding:
    """Jobs that could run now but wait, jobs that run, age of the oldest waiting one in seconds, living workers."""

    waiting: int
    running: int
    oldest_waiting_s: float
    workers: int


def queue_standing(engine: Engine, stalled_s: float = 45.0) -> QueueStanding:
    """Return how the queue stands; a worker silent for ``stalled_s`` does not count. Raises DatabaseUnavailable."""
    with database_errors(), engine.connect() as connection:
        row = connection.execute(_STANDING, {"stalled_s": stalled_s}).one()
    return QueueStanding(int(row.waiting), int(row.running), float(row.oldest_waiting_s), int(row.workers))
