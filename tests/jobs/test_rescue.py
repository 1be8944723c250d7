from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from procrastinate import App

from tests.jobs.helpers import destinations
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.uids import StudyUid
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.rescue import rescue_forgotten, rescue_stalled
from trabecula.pipeline import cancel_study, register_instance


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    """A study whose analysis waits in the queue."""
    made = make_world(embedded_database_url, tmp_path, destinations())
    register_instance(made.services.open_ledger, made.instance(1), 0.0)
    made.be_quiet()
    made.run_next(Stage.SETTLE)
    yield made
    made.engine.dispose()


def rescue(world: World, url: str) -> int:
    app: App = build_app(url, world.services, world.engine, QueueOptions())

    async def run() -> int:
        async with app.open_async():
            return await rescue_stalled(app, stalled_s=45.0)

    return asyncio.run(run())


def start_on_a_worker(world: World, heartbeat_age_s: int) -> None:
    """Let a worker, last heard of so long ago, have taken the waiting job."""
    (worker,) = world.rows(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => :age)) RETURNING id",
        age=heartbeat_age_s,
    )
    assert world.rows("SELECT task_name FROM backlog_take('cpu', :worker, 4)", worker=worker) == ["trabecula.analyse"]


def taken(world: World) -> list[str]:
    """Return what another worker takes now."""
    (worker,) = world.rows("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
    return world.rows("SELECT task_name FROM backlog_take('cpu', :worker, 4)", worker=worker)


def test_the_job_of_a_silent_worker_waits_again(world: World, embedded_database_url: str) -> None:
    start_on_a_worker(world, 60)

    assert rescue(world, embedded_database_url) == 1

    assert taken(world) == ["trabecula.analyse"]


def test_the_job_of_a_living_worker_is_left_alone(world: World, embedded_database_url: str) -> None:
    start_on_a_worker(world, 30)

    assert rescue(world, embedded_database_url) == 0

    assert taken(world) == [None]


def test_where_the_same_job_waits_already_the_stalled_one_ends(world: World, embedded_database_url: str) -> None:
    start_on_a_worker(world, 60)
    with world.services.open_ledger() as ledger:
        ledger.defer(Job(stage=Stage.ANALYSE, study_uid=StudyUid(STUDY), revision=1))
        ledger.commit()

    assert rescue(world, embedded_database_url) == 0

    assert world.rows("SELECT status::text FROM procrastinate_jobs WHERE queue_name = 'cpu'") == ["failed"]
    assert [stage for stage, _pause in world.waiting()] == ["analyse"]
    world.run_all()
    assert world.state() == "DONE"


def forget(world: World) -> None:
    """Lose the queue, long ago."""
    world.rows("DELETE FROM procrastinate_jobs")
    world.rows("DELETE FROM backlog")
    world.rows("ALTER TABLE studies DISABLE TRIGGER study_transition")
    world.rows("UPDATE studies SET changed_at = now() - interval '1 hour'")
    world.rows("ALTER TABLE studies ENABLE TRIGGER study_transition")


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_study_without_a_job_gets_one_wherever_it_stands(world: World, steps: int) -> None:
    for _ in range(steps):
        world.run_next()
    forget(world)

    assert rescue_forgotten(world.services, world.engine, idle_s=90.0) == 1
    assert rescue_forgotten(world.services, world.engine, idle_s=90.0) == 0
    world.run_all()

    assert world.state() == "DONE"
    assert "RESCUED" in world.events()


def test_studies_that_wait_for_nobody_or_have_a_job_are_left_alone(world: World) -> None:
    world.rows("ALTER TABLE studies DISABLE TRIGGER study_transition")
    world.rows("UPDATE studies SET changed_at = now() - interval '1 hour'")
    world.rows("ALTER TABLE studies ENABLE TRIGGER study_transition")
    assert rescue_forgotten(world.services, world.engine, idle_s=90.0) == 0

    cancel_study(world.services.open_ledger, STUDY, "tester")
    forget(world)
    assert rescue_forgotten(world.services, world.engine, idle_s=90.0) == 0
