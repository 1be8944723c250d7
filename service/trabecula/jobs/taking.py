"""How a worker with a free slot gets its next job: the ledger chooses among what waits, in one call.

Nothing waits in Procrastinate's own tables: a job enters them as running, in the moment it is taken. So priorities,
turns and pauses hold for every job that has not begun, and a reader that holds a snapshot for long makes no fetch slow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from procrastinate.jobs import Job as QueuedJob
from procrastinate.manager import JobManager

_TAKE = """
    SELECT id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id
    FROM backlog_take(%(queue)s, %(worker_id)s, %(per_destination)s)
"""
_TELL_QUEUE = """
    INSERT INTO worker_queues (worker_id, queue, host) VALUES (%(worker_id)s, %(queue)s, %(host)s)
    ON CONFLICT (worker_id) DO UPDATE SET queue = excluded.queue, host = excluded.host
"""
PER_DESTINATION = 4
"""Of the jobs one worker process runs at once, so many may speak to one destination: half of the queue ``io``."""


class BacklogTaker(JobManager):
    """Procrastinate's way to its tables, with our way of choosing the next job."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._told: set[int] = set()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> QueuedJob | None:
        """Return the next job of a worker's one queue, running from now on; None where none may start.

        Of the lowest rank that has any: the oldest job of the lane whose turn it is. Before its first job a worker
        tells which queue it serves, for whoever watches it.
        """
        (queue,) = queues or ()
        if worker_id not in self._told:
            await self.connector.execute_query_async(
                _TELL_QUEUE, worker_id=worker_id, queue=queue, host=os.uname().nodename
            )
            self._told.add(worker_id)
        row = await self.connector.execute_query_one_async(
            _TAKE, queue=queue, worker_id=worker_id, per_destination=PER_DESTINATION
        )
        return None if row["id"] is None else QueuedJob.from_row(row)
