from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from procrastinate.jobs import Job as QueuedJob
from procrastinate.retry import RetryDecision

from tests.jobs.helpers import destinations
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.errors import DatabaseUnavailable, GeometryInvalid, TrabeculaError
from trabecula.domain.study.jobs import Job, Stage
from trabecula.jobs.app import OnceMoreLater, QueueOptions, build_app
from trabecula.jobs.queue import PLACES, QUEUES, BacklogQueue, lock_of, task_name
from trabecula.jobs.worker import _until_stopped
from trabecula.pipeline import register_instance


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(embedded_database_url, tmp_path, destinations())
    register_instance(made.services.open_ledger, made.instance(1), 0.0)
    made.be_quiet()
    made.run_next(Stage.SETTLE)
    yield made
    made.engine.dispose()


def run_task(world: World, url: str, stage: Stage, **arguments: Any) -> None:
    task = build_app(url, world.services, world.engine).tasks[task_name(stage)]
    task(SimpleNamespace(job=SimpleNamespace(id=1), should_abort=lambda: False), **arguments)


def test_a_task_runs_its_stage(world: World, embedded_database_url: str) -> None:
    run_task(world, embedded_database_url, Stage.ANALYSE, study_uid=STUDY, revision=1)

    assert world.state() == "REPORTING"


def test_what_nobody_thought_of_fails_the_study_with_a_reason(world: World, embedded_database_url: str) -> None:
    def broken(_should_stop: object) -> None:
        raise ZeroDivisionError("patient Doe")

    world.runner.before_end = broken
    run_task(world, embedded_database_url, Stage.ANALYSE, study_uid=STUDY, revision=1)

    assert world.rows("SELECT state, failed_stage, failure_code, failure_sentence FROM studies") == [
        ("FAILED", "analyse", TrabeculaError.code, "Something failed: ZeroDivisionError.")
    ]


def test_a_study_nobody_knows_ends_the_job(world: World, embedded_database_url: str) -> None:
    run_task(world, embedded_database_url, Stage.ANALYSE, study_uid="1.2.3", revision=1)

    assert world.rows("SELECT count(*) FROM studies") == [1]


def test_only_a_lost_database_is_left_to_the_queues_own_retry() -> None:
    job = QueuedJob(queue="cpu", lock=None, queueing_lock=None, task_name="trabecula.analyse")

    again = OnceMoreLater().get_retry_decision(exception=DatabaseUnavailable(), job=job)
    never = OnceMoreLater().get_retry_decision(exception=GeometryInvalid(), job=job)

    assert isinstance(again, RetryDecision)
    assert never is None


@pytest.mark.parametrize(("stalled_s", "heartbeat_s"), [(10.0, 2.5), (45.0, 10.0)])
def test_a_living_worker_is_heard_several_times_before_it_counts_as_dead(
    world: World, embedded_database_url: str, stalled_s: float, heartbeat_s: float
) -> None:
    app = build_app(embedded_database_url, world.services, world.engine, QueueOptions(stalled_s=stalled_s))

    assert app.worker_defaults["update_heartbeat_interval"] == heartbeat_s


def test_every_stage_has_a_place_and_every_queue_a_worker() -> None:
    assert set(PLACES) == set(Stage)
    assert {place.queue for place in PLACES.values()} | {"sys"} == set(QUEUES)


def test_the_same_job_waits_only_once_and_holds_back_no_other(world: World, embedded_database_url: str) -> None:
    queue = BacklogQueue()
    job = Job(stage=Stage.DELIVER, study_uid=STUDY, revision=1, destination="pacs", delay_s=60.0)

    with psycopg.connect(embedded_database_url) as connection:
        deferred = [
            queue.defer(connection, item)
            for item in (job, job, Job(stage=Stage.DELIVER, study_uid=STUDY, revision=1, destination="second"))
        ]

    assert deferred == [True, False, True]
    assert lock_of(job) != lock_of(Job(stage=Stage.CONFIRM, study_uid=STUDY, revision=1, destination="pacs"))
    assert lock_of(Job(stage=Stage.SETTLE, study_uid=STUDY)) == f"settle:{STUDY}"


def test_a_job_of_a_transaction_that_is_rolled_back_never_was(world: World) -> None:
    before = world.waiting()

    with world.services.open_ledger() as ledger:
        ledger.defer(Job(stage=Stage.SETTLE, study_uid=STUDY))

    assert world.waiting() == before


def test_a_worker_that_is_told_to_stop_in_its_first_moments_stops(world: World, embedded_database_url: str) -> None:
    async def started_and_stopped(delay_s: float) -> bool:
        app = build_app(embedded_database_url, world.services, world.engine)
        stop = asyncio.Event()
        async with app.open_async():
            asyncio.get_running_loop().call_later(delay_s, stop.set)
            await asyncio.wait_for(_until_stopped(app, {"cpu": 1, "io": 1, "sys": 1}, stop), 15)
        return stop.is_set()

    async def in_many_moments() -> list[bool]:
        return [await started_and_stopped(0.0005 * number) for number in range(40)]

    assert asyncio.run(in_many_moments()) == [True] * 40
