"""Work of many studies in several processes: the one pool that extraction, crops and the ledger's cohort share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: int,
    lost: Callable[[Job], Result] | None = None,
) -> Iterator[tuple[Job, Result]]:
    """Yield each job with what ``work`` (a function of a module) makes of it, as they are done.

    One worker, or one job, stays in this process. Processes are spawned, with one thread each for numeric libraries:
    several of them would wait for one another's. What is not begun when the reader stops is not done.

    Where a process is killed (out of memory, a crash in a library), the jobs it took down are tried again, each in a
    process of its own; what kills that, too, yields ``lost`` of the job, or raises BrokenProcessPool without it.
    """
    if workers <= 1 or len(jobs) < 2:
        yield from ((job, work(job)) for job in jobs)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    taken: list[Job] = []
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(work, job): job for job in jobs}
        try:
            for done in as_completed(running):
                if isinstance(done.exception(), BrokenProcessPool):
                    taken.append(running[done])
                else:
                    yield running[done], done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    for job in taken:
        yield job, _alone(work, job, lost)


def _alone(work: Callable[[Job], Result], job: Job, lost: Callable[[Job], Result] | None) -> Result:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(work, job).result()
        except BrokenProcessPool:
            if lost is None:
                raise
            return lost(job)
