"""Running one stage: its start is counted before it runs; failures are told apart, tried again or given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from trabecula.domain.errors import (
    AssociationRejected,
    AttemptsExhausted,
    DatabaseUnavailable,
    DestinationUnreachable,
    StudyUnknown,
    TrabeculaError,
)
from trabecula.domain.errors_of.disk import DiskFull
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.jobs import Failure, Job, Stage
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.pipeline.analysing import analyse_study
from trabecula.pipeline.confirming import confirm_delivery, give_up_confirming
from trabecula.pipeline.delivering import deliver_objects, give_up_delivering, note_delivery_error
from trabecula.pipeline.failing import answered_as_failed, is_death_of_analysis
from trabecula.pipeline.reporting import report_study
from trabecula.pipeline.services import Interrupted, Services, ShouldStop
from trabecula.pipeline.settling import settle_study
from trabecula.pipeline.still_current import is_wanted
from trabecula.pipeline.telling import tell_failed

log = structlog.get_logger(__name__)

_TOLD_RUNS = 8
"""Failed runs that each leave a line in the trail; later ones only where the reason is another (a delivery is tried for
days: its rows show the last answer and when the next try is)."""

_OF_THE_NETWORK = (AssociationRejected, DestinationUnreachable)
"""Errors whose words are ours and the network's; what others say may come from a peer or from headers."""

_ROOM_PAUSE_S = 15.0
"""How soon a job that a full disk stopped is tried again."""

_STAGES: dict[Stage, Callable[[Services, Job, ShouldStop], None]] = {
    Stage.SETTLE: lambda services, job, _stop: settle_study(services, job.study_uid),
    Stage.ANALYSE: analyse_study,
    Stage.REPORT: report_study,
    Stage.DELIVER: lambda services, job, _stop: deliver_objects(services, job),
    Stage.CONFIRM: lambda services, job, _stop: confirm_delivery(services, job),
}


def run_stage(services: Services, job: Job, should_stop: ShouldStop) -> None:
    """Run a stage once; every known failure ends in the ledger, together with the job that tries again.

    Raises DatabaseUnavailable (nothing can be recorded then; the queue tries again), and whatever is not ours.
    """
    try:
        with services.open_ledger() as ledger:
            if not is_wanted(ledger, job):
                return
            if job in services.unspent:
                ledger.forget_attempts(job, last=services.unspent[job])
            lost = ledger.count_attempt(job) - 1
            ledger.commit()
            services.unspent.pop(job, None)
    except StudyUnknown:
        log.warning("job.dropped", stage=str(job.stage), study_uid=job.study_uid)
        return
    if lost >= services.retries.lost_runs:
        _give_up_lost(services, job, lost)
        return
    try:
        _STAGES[job.stage](services, job, should_stop)
    except Interrupted:
        interrupted(services, job)
    except DatabaseUnavailable:
        _take_back(services, job)
        raise
    except DiskFull as error:
        _wait_for_room(services, job, error)
    except TrabeculaError as error:
        try_again_or_give_up(services, job, error)
    else:
        with services.open_ledger() as ledger:
            ledger.forget_attempts(job)
            ledger.commit()


def _take_back(services: Services, job: Job) -> None:
    """Take back the attempt that a lost database ended: it is no fault of the study. What cannot be said now waits."""
    unspent = services.unspent.pop(job, 0) + 1
    try:
        with services.open_ledger() as ledger:
            ledger.forget_attempts(job, last=unspent)
            ledger.commit()
    except DatabaseUnavailable:
        services.unspent[job] = unspent


def _wait_for_room(services: Services, job: Job, error: DiskFull) -> None:
    """Run the job again soon, and spend no attempt: a full disk says nothing of the study."""
    log.error("job.delayed", stage=str(job.stage), study_uid=job.study_uid, code=error.code)
    with services.open_ledger() as ledger:
        ledger.forget_attempts(job, last=1)
        if is_wanted(ledger, job, lock=True):
            if ledger.studies.last_event(job.study_uid) != "WAITING":
                detail = f"{job.stage}: {DiskFull().sentence} Tried again every {_ROOM_PAUSE_S:g} s."
                event = Event(what="WAITING", detail=detail, revision=job.revision or None, facts={"code": error.code})
                ledger.studies.note(job.study_uid, event)
            ledger.defer(replace(job, delay_s=_ROOM_PAUSE_S))
        ledger.commit()


def _give_up_lost(services: Services, job: Job, runs: int) -> None:
    """Give a job up whose worker was ended each time, so that no run could tell how it ended."""
    error = AttemptsExhausted(f"the worker of {runs} runs was ended from outside before they had an answer")
    if job.stage is Stage.ANALYSE and _answered(services, job, error, runs):
        return
    give_up(services, job, error)


def try_again_or_give_up(services: Services, job: Job, error: TrabeculaError) -> None:
    """Defer the job once more after a pause, or fail it for good when the error or the cap says so.

    Runs count that told how they failed; a worker that was killed meanwhile is no fault of the study.
    """
    attempt = _count(services, lambda ledger: ledger.count_failure(job))
    facts = {"destination": job.destination} if job.destination else {}
    if isinstance(error, _OF_THE_NETWORK):
        facts["reason"] = error.sentence
    log.warning("job.failed", stage=str(job.stage), study_uid=job.study_uid, code=error.code, attempt=attempt, **facts)
    services.observer.run_failed(job.stage, error.code)
    died = is_death_of_analysis(job, error)
    deaths = _count(services, lambda ledger: ledger.count_death(job)) if died else 0
    if not error.retryable:
        give_up(services, job, error)
    elif deaths == attempt >= services.retries.cap(job.stage) and _answered(services, job, error, deaths):
        return
    elif attempt >= services.retries.cap(job.stage):
        give_up(services, job, AttemptsExhausted(f"{attempt} runs; the last one: {error.code}, {error.sentence}"))
    else:
        pause_s = services.retries.pause_s(attempt)
        with services.open_ledger() as ledger:
            if not is_wanted(ledger, job, lock=True):
                return
            known = False
            if job.stage is Stage.DELIVER:
                known = note_delivery_error(ledger, job, error, pause_s)
            if attempt <= _TOLD_RUNS or not known:
                detail = f"{job.stage}: {error.sentence} Next run in {pause_s:g} s."
                facts = {"code": error.code, "attempt": str(attempt)}
                event = Event(what="RETRYING", detail=detail, revision=job.revision or None, facts=facts)
                ledger.studies.note(job.study_uid, event)
            ledger.defer(
                Job(
                    stage=job.stage,
                    study_uid=job.study_uid,
                    revision=job.revision,
                    destination=job.destination,
                    delay_s=pause_s,
                )
            )
            ledger.commit()


def _count(services: Services, counted: Callable[[Ledger], int]) -> int:
    with services.open_ledger() as ledger:
        count = counted(ledger)
        ledger.commit()
    return count


def _answered(services: Services, job: Job, error: TrabeculaError, deaths: int) -> bool:
    """Return whether the study goes on to a report of this failure; what keeps it from that is logged."""
    try:
        return answered_as_failed(services, job, error, deaths)
    except DatabaseUnavailable:
        raise
    except TrabeculaError as hindrance:
        log.warning("study.not_answered", study_uid=job.study_uid, code=hindrance.code, detail=hindrance.detail)
        return False


def give_up(services: Services, job: Job, error: TrabeculaError) -> None:
    """Fail the job for good: the study, its deliveries to one destination, or its commitment there."""
    failed = False
    with services.open_ledger() as ledger:
        if is_wanted(ledger, job, lock=True):
            if job.stage is Stage.DELIVER:
                failed = give_up_delivering(ledger, job, error) is StudyState.FAILED
            elif job.stage is Stage.CONFIRM:
                give_up_confirming(ledger, job, error)
            else:
                ledger.studies.fail(job.study_uid, job.stage, Failure.of(error))
                facts = {"code": error.code}
                event = Event(
                    what="FAILED", detail=f"{job.stage}: {error.sentence}", revision=job.revision or None, facts=facts
                )
                ledger.studies.note(job.study_uid, event)
                failed = True
        ledger.forget_attempts(job)
        ledger.commit()
    if failed:
        tell_failed(job, error.code)


def interrupted(services: Services, job: Job) -> None:
    """Put an interrupted job back as if it had not started (the worker ends), unless nobody wants it any more."""
    with services.open_ledger() as ledger:
        ledger.forget_attempts(job, last=1)
        if is_wanted(ledger, job):
            ledger.defer(job)
        ledger.commit()
