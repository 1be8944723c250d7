"""The Procrastinate app: one task for each stage, and the periodic rescue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.jobs import Job as QueuedJob
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from sqlalchemy import Engine

from trabecula.domain.errors import DatabaseUnavailable, TrabeculaError
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.uids import StudyUid
from trabecula.jobs.auditing import Auditing, keep_audit
from trabecula.jobs.queue import PLACES, task_name
from trabecula.jobs.rescue import rescue_forgotten, rescue_stalled
from trabecula.jobs.taking import BacklogTaker
from trabecula.jobs.telling import Telling, tell_people
from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.desk.backfill import backfill
from trabecula.pipeline import Services, run_stage, try_again_or_give_up, work_on_bulk

log = structlog.get_logger(__name__)

_DESK_TURN_S = 20.0
"""How long bulk actions, or studies of an older version, are worked on before others have their turn."""
_FORGET_WORKERS = "DELETE FROM worker_queues WHERE worker_id NOT IN (SELECT id FROM procrastinate_workers)"


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """How the queue watches its workers.

    A worker silent for ``stalled_s`` counts as dead (30-60 s; less takes a busy worker for a dead one); at most a
    quarter of that lies between two heartbeats. ``rescue_cron`` has six fields, the last one seconds.
    """

    heartbeat_s: float = 10.0
    stalled_s: float = 45.0
    rescue_cron: str = "* * * * * */15"
    forgotten_cron: str = "* * * * * 7"
    """When studies without a job are looked for: there should be none, and each look reads every waiting study."""
    tell_cron: str = "* * * * *"
    """When it is looked whether there is news for people."""
    audit_cron: str = "* * * * * 40"
    """When entries of the audit log are sealed and sent."""
    poll_s: float = 5.0
    keep_jobs_hours: int = 14 * 24
    """Jobs that failed or were cancelled stay this long for whoever asks; successful ones are deleted at once,
    the studies' own trail stays for ever."""
    grace_s: float = 5.0
    """How long running jobs may finish after SIGTERM; then children end and their jobs go back to the queue."""


class OnceMoreLater(BaseRetryStrategy):
    """Queues a job again whose outcome could not even be recorded (the database was away); the stages do the rest."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        """Return a short pause for a lost database, nothing for what is our own fault."""
        return RetryDecision(retry_in={"seconds": 10}) if isinstance(exception, DatabaseUnavailable) else None


def build_app(
    database_url: str,
    services: Services,
    engine: Engine,
    options: QueueOptions | None = None,
    *,
    housekeeping: Callable[[], None] | None = None,
    telling: Telling | None = None,
    auditing: Auditing | None = None,
) -> App:
    """Return the app for workers: the tasks bound to the services. Nothing is connected yet.

    ``housekeeping`` is called every ten minutes by whoever works on the queue ``sys``, ``telling`` and ``auditing``
    every minute.
    """
    options = options or QueueOptions()
    app = App(
        connector=PsycopgConnector(conninfo=conninfo_of(database_url), min_size=1, max_size=6),
        worker_defaults={
            "update_heartbeat_interval": min(options.heartbeat_s, options.stalled_s / 4),
            "stalled_worker_timeout": options.stalled_s,
            "fetch_job_polling_interval": options.poll_s,
            "shutdown_graceful_timeout": options.grace_s,
            "install_signal_handlers": False,
        },
    )
    app.job_manager = BacklogTaker(app.connector)
    for stage, place in PLACES.items():
        app.task(name=task_name(stage), queue=place.queue, pass_context=True, retry=OnceMoreLater())(
            _task(services, stage)
        )

    @app.periodic(cron=options.rescue_cron, queueing_lock="rescue")
    @app.task(name="trabecula.rescue", queue="sys", queueing_lock="rescue", pass_context=True)
    async def rescue(context: JobContext, timestamp: int) -> None:
        await rescue_stalled(context.app, options.stalled_s)

    @app.periodic(cron=options.forgotten_cron, queueing_lock="rescue-forgotten")
    @app.task(name="trabecula.rescue_forgotten", queue="sys", queueing_lock="rescue-forgotten")
    def rescue_studies(timestamp: int) -> None:
        rescue_forgotten(services, engine, idle_s=2 * options.stalled_s)

    @app.periodic(cron="17 * * * *", queueing_lock="retention")
    @app.task(name="trabecula.retention", queue="sys", queueing_lock="retention", pass_context=True)
    async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
        await context.app.connector.execute_query_async("SELECT backlog_drop_unused_lanes()")
        await context.app.connector.execute_query_async(_FORGET_WORKERS)
        await context.app.job_manager.delete_old_jobs(
            nb_hours=options.keep_jobs_hours, include_failed=True, include_cancelled=True, include_aborted=True
        )

    @app.periodic(cron="*/10 * * * *", queueing_lock="housekeeping")
    @app.task(name="trabecula.housekeeping", queue="sys", queueing_lock="housekeeping", lock="housekeeping")
    def keep_house(timestamp: int) -> None:
        if housekeeping is not None:
            _kept(housekeeping)

    _add_telling(app, options.tell_cron, engine, telling)
    _add_desk(app, services, engine)
    _add_auditing(app, options.audit_cron, database_url, auditing)
    return app


def _add_desk(app: App, services: Services, engine: Engine) -> None:
    """Add what the desk leaves to workers; both take turns, so that one place of the queue stays free for the rest."""

    @app.periodic(cron="* * * * * */5", queueing_lock="desk-bulk")
    @app.task(name="trabecula.desk_bulk", queue="sys", queueing_lock="desk-bulk", lock="desk", pass_context=True)
    def act(context: JobContext, timestamp: int) -> None:
        work_on_bulk(services, context.should_abort, _DESK_TURN_S)

    @app.periodic(cron="* * * * * */10", queueing_lock="desk-backfill")
    @app.task(
        name="trabecula.desk_backfill", queue="sys", queueing_lock="desk-backfill", lock="desk", pass_context=True
    )
    def fill_in(context: JobContext, timestamp: int) -> None:
        backfill(engine, context.should_abort, _DESK_TURN_S)


def _add_telling(app: App, cron: str, engine: Engine, telling: Telling | None) -> None:
    @app.periodic(cron=cron, queueing_lock="tell")
    @app.task(name="trabecula.tell", queue="sys", queueing_lock="tell", lock="tell")
    def tell(timestamp: int) -> None:
        if telling is not None:
            tell_people(engine, telling)


def _add_auditing(app: App, cron: str, database_url: str, auditing: Auditing | None) -> None:
    @app.periodic(cron=cron, queueing_lock="audit")
    @app.task(name="trabecula.audit", queue="sys", queueing_lock="audit", lock="audit")
    def audit(timestamp: int) -> None:
        if auditing is not None:
            keep_audit(database_url, auditing)


def _kept(housekeeping: Callable[[], None]) -> None:
    """Keep house; what the disk refuses is logged and tried again by the next run."""
    try:
        housekeeping()
    except DatabaseUnavailable:
        raise
    except TrabeculaError as error:
        log.error("housekeeping.failed", code=error.code, reason=error.sentence, next_step=error.next_step)


def _task(services: Services, stage: Stage) -> Callable[..., None]:
    """Return the task of a stage: the job edge, where whatever is not ours is logged and recorded as INTERNAL."""

    def run(context: JobContext, study_uid: StudyUid, revision: int = 0, destination: str = "") -> None:
        job = Job(stage=stage, study_uid=study_uid, revision=revision, destination=destination)
        with structlog.contextvars.bound_contextvars(job_id=context.job.id, study_uid=study_uid, stage=str(stage)):
            try:
                run_stage(services, job, context.should_abort)
            except DatabaseUnavailable:
                log.warning("job.disconnected")
                raise
            except Exception as error:
                log.exception("job.crashed")
                try_again_or_give_up(services, job, TrabeculaError(type(error).__name__))

    run.__name__ = run.__qualname__ = f"run_{stage}"
    return run
