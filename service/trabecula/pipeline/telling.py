"""What happened to a study, told after it was committed: one line of the log for each step, and to the observer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import structlog

from trabecula.domain.delivery import Delivery
from trabecula.domain.results.result import StudyResult
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.services import Services

log = structlog.get_logger(__name__)


def tell_settled(study_uid: StudyUid, revision: int, images: int) -> None:
    """The study is frozen as a revision of so many images."""
    log.info("study.settled", study_uid=study_uid, revision=revision, images=images)


def tell_analysed(services: Services, result: StudyResult, seconds: float) -> None:
    """The revision has its answer."""
    category = str(result.category)
    log.info(
        "study.analysed",
        study_uid=result.study_uid,
        revision=result.revision,
        category=category,
        seconds=round(seconds, 1),
    )
    services.observer.analysed(result.category, seconds)


def tell_reported(study_uid: StudyUid, revision: int, objects: int, destinations: Sequence[str]) -> None:
    """The objects of the revision are written."""
    log.info("study.reported", study_uid=study_uid, revision=revision, objects=objects, destinations=list(destinations))


def tell_delivered(job: Job, answered: Sequence[Delivery]) -> None:
    """A destination answered for objects of the study: how many of them it took, refused or wants later."""
    states = Counter(item.state.lower() for item in answered)
    log.info(
        "study.delivered", study_uid=job.study_uid, revision=job.revision, destination=job.destination, objects=states
    )


def tell_closed(services: Services, job: Job, state: StudyState | None, quiet_s: float) -> None:
    """The study is through, done or failed, ``quiet_s`` after its last image; None: it is not."""
    if state is StudyState.DONE:
        log.info("study.done", study_uid=job.study_uid, revision=job.revision, seconds=round(quiet_s, 1))
        services.observer.done(quiet_s)
    elif state is StudyState.FAILED:
        log.error("study.failed", study_uid=job.study_uid, revision=job.revision, stage=str(Stage.DELIVER))


def tell_failed(job: Job, code: str) -> None:
    """The study failed for good, until a person takes it up again."""
    log.error("study.failed", study_uid=job.study_uid, revision=job.revision, stage=str(job.stage), code=code)
