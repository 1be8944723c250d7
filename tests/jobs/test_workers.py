from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jobs.helpers import ROOT, destinations, has_ended, wait_for
from tests.pipeline.world import STUDY, World, make_world
from trabecula.pipeline import cancel_study, register_instance

StartWorker = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(database_url, tmp_path, destinations())
    yield made
    made.engine.dispose()


@pytest.fixture
def start_worker(database_url: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Start worker processes that are ready when this returns; they end with the test."""
    workers: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", "-m", "tests.jobs.small_worker", database_url, str(tmp_path)]
        with (tmp_path / f"worker-{len(workers)}.log").open("w") as log:
            worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        workers.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()
        assert worker.stdout is not None
        worker.stdout.close()


def receive(world: World, study_uid: str = STUDY) -> None:
    """Receive a study that settles at once."""
    register_instance(world.services.open_ledger, world.instance(1, study_uid=study_uid), 0.0)
    world.be_quiet(study_uid)


def is_in(world: World, state: str) -> Callable[[], bool]:
    return lambda: world.state() == state


def started(folder: Path) -> list[int]:
    file = folder / "results" / "started"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def test_a_worker_takes_a_study_all_the_way_through_real_children(
    world: World, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker()

    receive(world)
    wait_for(is_in(world, "DONE"), "the study to be done")

    assert world.rows("SELECT state FROM object_deliveries") == ["SENT"] * 3
    assert world.rows("SELECT count(*) FROM events WHERE what = 'ANALYSED'") == [1]
    of_studies = (
        "SELECT (SELECT count(*) FROM procrastinate_jobs WHERE queue_name <> 'sys') + (SELECT count(*) FROM backlog)"
    )
    wait_for(lambda: world.rows(of_studies) == [0], "the ended jobs to be deleted")


def test_a_study_whose_worker_is_killed_is_finished_by_the_other_one_once(
    world: World, start_worker: StartWorker, tmp_path: Path
) -> None:
    hold = tmp_path / "results" / "hold"
    hold.parent.mkdir()
    hold.touch()
    first = start_worker()
    receive(world)
    wait_for(lambda: started(tmp_path), "the analysis to start")
    start_worker()

    first.kill()
    first.wait()
    (child,) = started(tmp_path)
    wait_for(lambda: has_ended(child), "the end of the child of the dead worker", 20)
    hold.unlink()
    wait_for(is_in(world, "DONE"), "the other worker to finish the study")

    assert len(started(tmp_path)) >= 2
    assert world.rows("SELECT count(*) FROM events WHERE what = 'ANALYSED'") == [1]
    assert world.rows("SELECT revision FROM revisions") == [1]
    assert world.rows("SELECT attempts FROM object_deliveries") == [1, 1, 1]


def test_sigterm_ends_a_worker_at_once_and_its_analysis_goes_back_to_the_queue(
    world: World, start_worker: StartWorker, tmp_path: Path
) -> None:
    hold = tmp_path / "results" / "hold"
    hold.parent.mkdir()
    hold.touch()
    worker = start_worker()
    receive(world)
    wait_for(lambda: started(tmp_path), "the analysis to start")

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0

    (child,) = started(tmp_path)
    assert has_ended(child)
    assert [stage for stage, _pause in world.waiting() if stage == "analyse"] == ["analyse"]
    assert world.rows("SELECT attempts FROM stage_attempts WHERE stage = 'analyse'") == [0]
    hold.unlink()
    start_worker()
    wait_for(is_in(world, "DONE"), "the study to be done")


def test_cancelling_ends_a_running_analysis(world: World, start_worker: StartWorker, tmp_path: Path) -> None:
    hold = tmp_path / "results" / "hold"
    hold.parent.mkdir()
    hold.touch()
    start_worker()
    receive(world)
    wait_for(lambda: started(tmp_path), "the analysis to start")

    cancel_study(world.services.open_ledger, STUDY, "tester")

    (child,) = started(tmp_path)
    wait_for(lambda: has_ended(child), "the end of the child", 30)
    assert world.state() == "CANCELLED"


def test_a_worker_outlives_a_lost_database_connection(world: World, start_worker: StartWorker, tmp_path: Path) -> None:
    worker = start_worker()
    receive(world)
    wait_for(is_in(world, "DONE"), "the first study")

    world.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    receive(world, "1.2.826.0.2")
    wait_for(lambda: world.state("1.2.826.0.2") == "DONE", "the second study")

    assert worker.poll() is None
    assert os.path.exists(f"/proc/{worker.pid}")
