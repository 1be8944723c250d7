"""Where a job of ours waits: its queue, rank and lock; put into the backlog on the caller's connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg

from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.study.study import StudyPriority
from trabecula.domain.uids import StudyUid

QUEUES = ("cpu", "io", "sys")
"""cpu: analyse and report, each in a child process; io: settle, deliver, confirm; sys: rescue."""


class Ordering(StrEnum):
    """What orders the jobs of a stage that wait; within a lane the oldest goes first."""

    AGE = ""
    """One lane for all."""
    RANK = "rank"
    """A lane for each source, or destination, served in turn."""
    PRIORITY = "priority"
    """The same for each priority of studies: urgent before routine before bulk, which takes three ranks."""


@dataclass(frozen=True)
class QueuePlace:
    """Queue and rank of a stage; what waits in a lower rank goes first."""

    queue: str
    rank: int
    ordering: Ordering


PLACES: dict[Stage, QueuePlace] = {
    Stage.SETTLE: QueuePlace("io", 0, Ordering.AGE),
    Stage.ANALYSE: QueuePlace("cpu", 1, Ordering.PRIORITY),
    Stage.REPORT: QueuePlace("cpu", 0, Ordering.RANK),
    Stage.DELIVER: QueuePlace("io", 1, Ordering.PRIORITY),
    Stage.CONFIRM: QueuePlace("io", 4, Ordering.RANK),
}
"""Reports run on the queue of the processors, before new analyses, so that started studies finish first."""

_PUT = "SELECT backlog_put(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
_HASTEN = """
    WITH due AS (
        UPDATE backlog SET due_at = clock_timestamp() WHERE lock = %(lock)s AND due_at > clock_timestamp() RETURNING id)
    SELECT pg_notify('procrastinate_queue_v1#' || %(queue)s, '{"type": "job_inserted", "job_id": 0}') FROM due
"""
_WITHDRAW = """
    DELETE FROM backlog WHERE study_uid = %s
    RETURNING stage, revision, destination,
              greatest(0, extract(epoch FROM due_at - clock_timestamp()))::double precision
"""


def task_name(stage: Stage) -> str:
    """Return the name of a stage's task."""
    return f"trabecula.{stage}"


def priority_of(stage: Stage, rank: int) -> StudyPriority | None:
    """Return the priority of studies that wait for a stage in a rank; None where the stage knows none."""
    place = PLACES[stage]
    return list(StudyPriority)[rank - place.rank] if place.ordering is Ordering.PRIORITY else None


def lock_of(job: Job) -> str:
    """Return the lock of a job, both against running twice at once and against waiting twice.

    It names the stage: a retry of one revision must not hold back the settling of the next.
    """
    revision = "" if job.stage is Stage.SETTLE else f":{job.revision}"
    destination = f":{job.destination}" if job.destination else ""
    return f"{job.stage}:{job.study_uid}{revision}{destination}"


class BacklogQueue:
    """Implements ledger.store.JobQueue: every job waits in the ledger's backlog until a worker takes it."""

    def defer(self, connection: psycopg.Connection[Any], job: Job) -> bool:
        """Let the job wait, on this psycopg connection; False when the same job waits already."""
        place = PLACES[job.stage]
        values = (
            place.queue, place.rank, str(place.ordering), str(job.stage), job.study_uid, job.revision, job.destination,
            lock_of(job), job.delay_s,
        )  # fmt: skip
        row = connection.execute(_PUT, values).fetchone()
        assert row is not None, "a function's value is one row"
        return bool(row[0])

    def hasten(self, connection: psycopg.Connection[Any], job: Job) -> None:
        """Let the job that waits for a later try be due at once."""
        connection.execute(_HASTEN, {"lock": lock_of(job), "queue": PLACES[job.stage].queue})

    def reorder(self, connection: psycopg.Connection[Any], study_uid: StudyUid) -> None:
        """Let what waits for the study wait anew, where its priority now wants it."""
        for stage, revision, destination, delay_s in connection.execute(_WITHDRAW, (study_uid,)).fetchall():
            self.defer(
                connection,
                Job(
                    stage=Stage(stage),
                    study_uid=study_uid,
                    revision=revision,
                    destination=destination,
                    delay_s=delay_s,
                ),
            )
