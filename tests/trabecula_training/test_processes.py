"""Tests of work in several processes: every job is done once, and one that fails is heard."""

from __future__ import annotations

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from trabecula_training.processes import in_processes


def squared(number: int) -> tuple[int, int]:
    if number < 0:
        raise ValueError("negative")
    return number * number, os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers: int) -> None:
    done = dict(in_processes(squared, range(5), workers))

    assert {job: result for job, (result, _) in done.items()} == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16}
    assert (os.getpid() in {process for _, process in done.values()}) is (workers == 1)


def test_one_job_stays_in_this_process() -> None:
    assert dict(in_processes(squared, [3], 8)) == {3: (9, os.getpid())}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_job_is_told(workers: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        list(in_processes(squared, [-1, -2], workers))


def kills_its_process(number: int) -> int:
    """Ends the process as the system does for want of memory, for one of the jobs."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * 10


def test_a_killed_process_costs_its_own_job_alone() -> None:
    found = dict(in_processes(kills_its_process, range(6), 2, lambda number: -number))

    assert found == {0: 0, 1: 10, 2: 20, 3: -3, 4: 40, 5: 50}


def test_without_a_word_for_what_is_lost_the_kill_is_told() -> None:
    with pytest.raises(BrokenProcessPool):
        list(in_processes(kills_its_process, range(3, 5), 2))
