"""Rescue: jobs of dead workers run again, and studies that no job works on get one; nothing stays behind for ever."""

from __future__ import annotations

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from sqlalchemy import Engine, text

from trabecula.domain.delivery import DeliveryState
from trabecula.domain.study.jobs import STAGE_OF_STATE, Job, Stage
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.ledger.database import database_errors
from trabecula.pipeline import Services

log = structlog.get_logger(__name__)

_FORGOTTEN = text(
    """
    SELECT study_uid, state, revision FROM studies s
    WHERE state = ANY(:states) AND changed_at < clock_timestamp() - make_interval(secs => :idle_s)
      AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j
                      WHERE j.status IN ('todo', 'doing') AND j.args ->> 'study_uid' = s.study_uid
                        AND j.task_name <> 'trabecula.confirm')
      AND NOT EXISTS (SELECT 1 FROM backlog b WHERE b.study_uid = s.study_uid AND b.stage <> 'confirm')
    """
)

_WAITS = "SELECT EXISTS (SELECT FROM backlog WHERE lock = %(lock)s) AS found"


async def rescue_stalled(app: App, stalled_s: float) -> int:
    """Run the jobs of workers without a heartbeat again and return how many there were.

    Starts are counted by the stages themselves, so a job that ends its worker each time is given up in the end.
    """
    rescued = 0
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_s):
        if job.task_name.startswith("trabecula.") and await _run_again(app, job):
            study_uid = job.task_kwargs.get("study_uid", "")
            log.warning("job.rescued", task=job.task_name, job_id=job.id, worker_id=job.worker_id, study_uid=study_uid)
            rescued += 1
    return rescued


async def _run_again(app: App, job: QueuedJob) -> bool:
    """Queue the job again; where the same job waits already, or the job ended meanwhile, there is nothing to rescue."""
    waits = await app.connector.execute_query_one_async(_WAITS, lock=job.lock)
    if not waits["found"]:
        try:
            await app.job_manager.retry_job(job)
        except ConnectorException:
            log.info("job.left_alone", job_id=job.id)
        else:
            return True
    assert job.id is not None
    try:
        await app.job_manager.finish_job_by_id_async(job_id=job.id, status=Status.FAILED, delete_job=False)
    except ConnectorException:
        log.info("job.found_ended", job_id=job.id)
    return False


def rescue_forgotten(services: Services, engine: Engine, idle_s: float) -> int:
    """Defer the next job of every study that waits for one and has none, and return how many there were.

    It should find nothing: stages commit their result with the next job. It covers a queue restored from a backup,
    jobs deleted by hand, and whatever nobody thought of.
    """
    found = 0
    states = [str(state) for state in STAGE_OF_STATE]
    with database_errors(), engine.connect() as connection:
        rows = connection.execute(_FORGOTTEN, {"states": states, "idle_s": idle_s}).all()
    for study_uid, state, revision in rows:
        stage = STAGE_OF_STATE[StudyState(state)]
        with services.open_ledger() as ledger:
            if ledger.studies.standing(study_uid, lock=True).state is not StudyState(state):
                continue
            targets = [""]
            if stage is Stage.DELIVER:
                deliveries = ledger.deliveries.of(study_uid, revision)
                waiting = {item.destination for item in deliveries if item.state is DeliveryState.PENDING}
                targets = sorted(waiting) or sorted({item.destination for item in deliveries})[:1]
            for target in targets:
                ledger.defer(
                    Job(
                        stage=stage,
                        study_uid=study_uid,
                        revision=0 if stage is Stage.SETTLE else revision,
                        destination=target,
                    )
                )
            ledger.studies.note(
                study_uid, Event(what="RESCUED", detail=f"no job was left for {stage}", revision=revision or None)
            )
            ledger.commit()
        log.warning("study.rescued", study_uid=study_uid, revision=revision, stage=str(stage))
        found += 1
    return found
