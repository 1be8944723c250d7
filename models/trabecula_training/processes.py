"""Work of many studies in several processes: the one pool that extraction, crops and the ledger's cohort share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(work: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Result]]:
    """Yield each job with what ``work`` (a function of a module) makes of it, as they are done.

    One worker, or one job, stays in this process. Processes are spawned, with one thread each for numeric libraries:
    several of them would wait for one another's. What is not begun when the reader stops is not done.
    """
    if workers <= 1 or len(jobs) < 2:
        yield from ((job, work(job)) for job in jobs)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(work, job): job for job in jobs}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
