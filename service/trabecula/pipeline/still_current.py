"""Whether a job still has anything to do: the ledger decides, not the queue."""

from __future__ import annotations

import time

from trabecula.domain.errors import DatabaseUnavailable
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.jobs import STATE_OF_STAGE, Job, Stage
from trabecula.pipeline.services import Services, ShouldStop

_ASK_EVERY_SECONDS = 2.0


def is_wanted(ledger: Ledger, job: Job, *, lock: bool = False) -> bool:
    """Return whether the study stands where this job starts, at this revision. Raises StudyUnknown.

    A storage commitment is wanted whatever has become of the study.
    """
    if job.stage is Stage.CONFIRM:
        return True
    standing = ledger.studies.standing(job.study_uid, lock=lock)
    return standing.state is STATE_OF_STAGE[job.stage] and job.revision in (standing.revision, 0)


def still_wanted(services: Services, job: Job, should_stop: ShouldStop) -> ShouldStop:
    """Return a function that says when running work should stop: the worker ends, a late image came, or a cancel.

    The ledger is asked every two seconds at the most; a database that does not answer stops nothing.
    """
    asked_at = time.monotonic()

    def stop() -> bool:
        nonlocal asked_at
        if should_stop():
            return True
        if time.monotonic() - asked_at < _ASK_EVERY_SECONDS:
            return False
        asked_at = time.monotonic()
        try:
            with services.open_ledger() as ledger:
                return not is_wanted(ledger, job)
        except DatabaseUnavailable:
            return False

    return stop
