"""Who is served next: ranks, priorities, turns, pauses, against the real ledger on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from procrastinate.jobs import Job as QueuedJob

from tests.pipeline.world import World, make_world
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.study.study import StudyPriority
from trabecula.domain.uids import StudyUid
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.taking import PER_DESTINATION
from trabecula.ledger.queries.backlog import list_lanes, pause, resume
from trabecula.pipeline import prioritise_study


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(database_url, tmp_path)
    yield made
    made.engine.dispose()


def add_studies(world: World, site: str, count: int, priority: str | None = None) -> None:
    """Let ``count`` studies of a site wait for their analysis, the first since longest: SITE.1, SITE.2, ..."""
    world.rows(
        "INSERT INTO studies (study_uid, state, revision, calling_ae_title, priority) "
        "SELECT :site || '.' || n, 'ANALYSING', 1, :site, :priority FROM generate_series(1, :count) n",
        site=site, count=count, priority=priority,
    )  # fmt: skip
    world.rows(
        "INSERT INTO revisions (study_uid, revision, instance_digest, frozen_at) "
        "SELECT :site || '.' || n, 1, '', now() - make_interval(hours => 100 - n) FROM generate_series(1, :count) n",
        site=site, count=count,
    )  # fmt: skip
    for number in reversed(range(1, count + 1)):  # the order of coming does not matter, the age does
        put(world, Job(stage=Stage.ANALYSE, study_uid=StudyUid(f"{site}.{number}"), revision=1))


def put(world: World, *jobs: Job) -> list[bool]:
    with world.services.open_ledger() as ledger:
        done = [ledger.defer(job) for job in jobs]
        ledger.commit()
    return done


def take(world: World, url: str, queue: str, most: int = 100) -> list[QueuedJob]:
    """Take jobs as a worker does, at most so many, without ending any."""
    app = build_app(url, world.services, world.engine, QueueOptions())

    async def run() -> list[QueuedJob]:
        taken = []
        async with app.open_async():
            worker = await app.job_manager.register_worker()
            while len(taken) < most and (job := await app.job_manager.fetch_job([queue], worker)) is not None:
                taken.append(job)
        return taken

    return asyncio.run(run())


def studies(jobs: Sequence[QueuedJob]) -> list[object]:
    return [job.task_kwargs["study_uid"] for job in jobs]


def test_sites_are_served_in_turn_each_oldest_first(world: World, database_url: str) -> None:
    add_studies(world, "BIG", 6)
    add_studies(world, "SMALL", 2)

    taken = studies(take(world, database_url, "cpu"))

    assert taken == ["BIG.1", "SMALL.1", "BIG.2", "SMALL.2", "BIG.3", "BIG.4", "BIG.5", "BIG.6"]


def test_urgent_goes_before_routine_before_bulk_and_a_report_before_them_all(world: World, database_url: str) -> None:
    add_studies(world, "ARCHIVE", 2, "BULK")
    add_studies(world, "WARD", 2)
    add_studies(world, "TRAUMA", 1, "URGENT")
    put(world, Job(stage=Stage.REPORT, study_uid=StudyUid("ARCHIVE.1"), revision=1))

    taken = take(world, database_url, "cpu")

    assert [job.task_name for job in taken] == ["trabecula.report"] + ["trabecula.analyse"] * 5
    assert studies(taken) == ["ARCHIVE.1", "TRAUMA.1", "WARD.1", "WARD.2", "ARCHIVE.1", "ARCHIVE.2"]


def test_an_operator_moves_a_study_that_waits_already(world: World, database_url: str) -> None:
    add_studies(world, "WARD", 3)

    prioritise_study(world.services.open_ledger, StudyUid("WARD.3"), StudyPriority.URGENT, "operator")
    prioritise_study(world.services.open_ledger, StudyUid("WARD.1"), StudyPriority.BULK, "operator")
    with pytest.raises(StudyUnknown):
        prioritise_study(world.services.open_ledger, StudyUid("NOBODY.1"), StudyPriority.BULK, "operator")

    assert studies(take(world, database_url, "cpu")) == ["WARD.3", "WARD.2", "WARD.1"]
    assert world.rows("SELECT detail, who FROM events WHERE what = 'PRIORITISED' ORDER BY id") == [
        ("URGENT", "operator"),
        ("BULK", "operator"),
    ]


def test_a_paused_queue_holds_what_waits_and_what_was_taken_before(world: World, database_url: str) -> None:
    add_studies(world, "WARD", 3)
    (running,) = take(world, database_url, "cpu", most=1)
    world.rows("UPDATE procrastinate_jobs SET status = 'todo' WHERE id = :id", id=running.id)  # its worker died

    with psycopg.connect(database_url, autocommit=True) as connection:
        pause(connection, "cpu", "", "operator")
        held = take(world, database_url, "cpu")
        paused = list_lanes(connection)["paused"]
        gone_on = resume(connection, "cpu", "", "anna"), resume(connection, "cpu", "", "anna")

    assert held == []
    assert [(row["queue"], row["destination"], row["paused_by"]) for row in paused] == [("cpu", "", "operator")]
    assert gone_on == (True, False)
    assert studies(take(world, database_url, "cpu")) == ["WARD.1", "WARD.2", "WARD.3"]


def test_a_paused_destination_holds_its_deliveries_and_no_others(world: World, database_url: str) -> None:
    add_studies(world, "WARD", 1)
    deliver = [
        Job(stage=Stage.DELIVER, study_uid=StudyUid("WARD.1"), revision=number, destination=place)
        for number in (1, 2)
        for place in ("PACS", "RESEARCH")
    ]
    put(world, *deliver)
    (running,) = take(world, database_url, "io", most=1)
    world.rows("UPDATE procrastinate_jobs SET status = 'todo' WHERE id = :id", id=running.id)

    with psycopg.connect(database_url, autocommit=True) as connection:
        pause(connection, "io", str(running.task_kwargs["destination"]), "operator")
        others = take(world, database_url, "io")
        resume(connection, "io", str(running.task_kwargs["destination"]), "anna")
    held = take(world, database_url, "io")

    assert running.task_kwargs["destination"] == "PACS"
    assert [job.task_kwargs["destination"] for job in others] == ["RESEARCH"] * 2
    assert [(job.task_kwargs["destination"], job.task_kwargs["revision"]) for job in held] == [("PACS", 1), ("PACS", 2)]


def test_a_destination_that_does_not_answer_never_has_every_slot_of_a_worker(world: World, database_url: str) -> None:
    add_studies(world, "WARD", 1)
    for place in ("DEAD", "ALIVE"):
        put(
            world,
            *(
                Job(stage=Stage.DELIVER, study_uid=StudyUid("WARD.1"), revision=number, destination=place)
                for number in range(1, 3 * PER_DESTINATION)
            ),
        )

    taken = take(world, database_url, "io")

    places = [job.task_kwargs["destination"] for job in taken]
    assert places == ["DEAD", "ALIVE"] * PER_DESTINATION


def test_what_is_not_due_or_runs_already_waits_and_holds_back_nobody(world: World, database_url: str) -> None:
    add_studies(world, "WARD", 2)
    (first,) = take(world, database_url, "cpu", most=1)
    again = put(
        world,
        Job(stage=Stage.ANALYSE, study_uid=StudyUid("WARD.1"), revision=1),
        Job(stage=Stage.ANALYSE, study_uid=StudyUid("WARD.1"), revision=1, delay_s=5.0),
        Job(stage=Stage.ANALYSE, study_uid=StudyUid("WARD.1"), revision=2, delay_s=600.0),
    )

    second = take(world, database_url, "cpu")

    assert again == [True, False, True]
    assert studies([first, *second]) == ["WARD.1", "WARD.2"]
    assert len(world.waiting()) == 2


def test_two_workers_never_take_the_same_job(world: World, database_url: str) -> None:
    add_studies(world, "WARD", 40)

    app = build_app(database_url, world.services, world.engine, QueueOptions())

    async def run() -> list[QueuedJob | None]:
        async with app.open_async():
            workers = [await app.job_manager.register_worker() for _ in range(5)]
            calls = [app.job_manager.fetch_job(["cpu"], worker) for _ in range(8) for worker in workers]
            return await asyncio.gather(*calls)

    taken = [job for job in asyncio.run(run()) if job is not None]

    assert sorted(studies(taken)) == sorted(f"WARD.{number}" for number in range(1, 41))


def test_lanes_that_nobody_uses_are_removed_and_come_back(world: World, database_url: str) -> None:
    add_studies(world, "WARD", 1)
    add_studies(world, "CLINIC", 1)
    take(world, database_url, "cpu", most=1)

    world.rows("SELECT backlog_drop_unused_lanes()")
    names = world.rows("SELECT name FROM backlog_lanes")
    world.rows("DELETE FROM procrastinate_jobs")
    put(world, Job(stage=Stage.ANALYSE, study_uid=StudyUid("WARD.1"), revision=1))

    assert names == ["CLINIC"]
    assert sorted(studies(take(world, database_url, "cpu"))) == ["CLINIC.1", "WARD.1"]
