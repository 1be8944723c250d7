from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import embedded_database_url
from tests.pipeline.conftest import PACS
from tests.pipeline.test_chain import receive, settle
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.errors import DatabaseUnavailable, SpoolUnavailable
from trabecula.domain.errors_of.disk import DiskFull, disk_error
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.jobs import Job, Stage

__all__ = ["embedded_database_url"]


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(embedded_database_url, tmp_path, (PACS,))
    yield made
    made.engine.dispose()


@pytest.mark.parametrize("stage", [Stage.ANALYSE, Stage.REPORT])
def test_a_full_disk_spends_no_attempt_and_leaves_one_line(world: World, stage: Stage) -> None:
    receive(world, 1)
    settle(world)
    if stage is Stage.REPORT:
        world.run_next(Stage.ANALYSE)
    world.runner.errors = [DiskFull("results") for _ in range(10)]

    for _ in range(10):  # the cap is 3
        world.run_next(stage)
        assert world.waiting() == [(str(stage), pytest.approx(15.0, abs=1.0))]
    world.run_all()

    assert world.state() == "DONE"
    assert world.events().count("WAITING") == 1
    assert "RETRYING" not in world.events()


def test_runs_that_a_lost_database_ended_spend_no_attempt_once_it_is_back(world: World) -> None:
    receive(world, 1)
    settle(world)
    real, lost = world.services.open_ledger, [False]

    @contextmanager
    def open_ledger() -> Iterator[Ledger]:
        if lost[0]:
            raise DatabaseUnavailable("could not extend file: No space left on device")
        with real() as ledger:
            yield ledger

    world.services = replace(world.services, open_ledger=open_ledger)
    world.runner.before_end = lambda _stop: lost.__setitem__(0, True)
    for _ in range(5):  # the cap is 3
        with pytest.raises(DatabaseUnavailable):
            world.run_next(Stage.ANALYSE)
        lost[0] = False
        world.rows("UPDATE procrastinate_jobs SET status = 'failed'")
        with real() as ledger:
            ledger.defer(Job(stage=Stage.ANALYSE, study_uid=STUDY, revision=1))
            ledger.commit()
    world.runner.before_end = None
    world.run_all()

    assert world.state() == "DONE"
    assert world.services.unspent == {}


def test_only_a_disk_without_room_is_told_as_full() -> None:
    assert type(disk_error(OSError(errno.EIO, "x"), "")) is SpoolUnavailable
    assert isinstance(disk_error(OSError(errno.EDQUOT, "x"), ""), DiskFull)
    with pytest.raises(DiskFull) as caught:
        _fill()
    assert caught.value.code == "DISK_FULL"


def _fill() -> None:
    try:
        with Path("/dev/full").open("wb") as device:
            device.write(b"x" * 100_000)
    except OSError as error:
        raise disk_error(error, "/dev/full") from error
