"""How a job of ours lies in the queue: its task, queue, priority and locks; inserted on the caller's connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from procrastinate import SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from trabecula.domain.study.jobs import Job, Stage

QUEUES = ("cpu", "io", "sys")
"""cpu: analyse and report, each in a child process; io: settle, deliver, confirm; sys: rescue."""


@dataclass(frozen=True)
class QueuePlace:
    """Queue and priority of a stage; of waiting jobs the highest priority runs first."""

    queue: str
    priority: int


PLACES: dict[Stage, QueuePlace] = {
    Stage.SETTLE: QueuePlace("io", 10),
    Stage.ANALYSE: QueuePlace("cpu", 0),
    Stage.REPORT: QueuePlace("cpu", 10),
    Stage.DELIVER: QueuePlace("io", 0),
    Stage.CONFIRM: QueuePlace("io", -10),
}
"""Reports run on the queue of the processors, before new analyses, so that started studies finish first."""


def task_name(stage: Stage) -> str:
    """Return the name of a stage's task."""
    return f"trabecula.{stage}"


def lock_of(job: Job) -> str:
    """Return the lock of a job, both against running twice at once and against waiting twice.

    It names the stage, because Procrastinate holds back a job while an older one with the same lock waits, even for a
    far date: a retry of one revision must not hold back the settling of the next.
    """
    revision = "" if job.stage is Stage.SETTLE else f":{job.revision}"
    destination = f":{job.destination}" if job.destination else ""
    return f"{job.stage}:{job.study_uid}{revision}{destination}"


class ProcrastinateQueue:
    """Implements ledger.store.JobQueue."""

    def __init__(self) -> None:
        self._manager = JobManager(SyncPsycopgConnector())  # never opened: every job comes with its connection

    def defer(self, connection: psycopg.Connection[Any], job: Job) -> bool:
        """Insert the job on this psycopg connection; False when the same job waits already.

        Looking first keeps 600 images from writing 600 unique-key errors into PostgreSQL's log; the savepoint covers
        the race that looking leaves.
        """
        lock = lock_of(job)
        waiting = connection.execute(
            "SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo'", (lock,)
        ).fetchone()
        if waiting is not None:
            return False
        place = PLACES[job.stage]
        deferrer = configure_task(
            name=task_name(job.stage),
            job_manager=self._manager,
            queue=place.queue,
            priority=place.priority,
            lock=lock,
            queueing_lock=lock,
            schedule_in={"milliseconds": round(job.delay_s * 1000)} if job.delay_s > 0 else None,
            connection=connection,
        )
        try:
            with connection.transaction():
                deferrer.defer(study_uid=job.study_uid, revision=job.revision, destination=job.destination)
        except AlreadyEnqueued:
            return False
        return True
