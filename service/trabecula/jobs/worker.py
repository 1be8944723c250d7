"""Workers: one per queue in one process, until SIGTERM; a database that went away is waited for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker
from psycopg_pool import PoolTimeout

log = structlog.get_logger(__name__)

_IO_JOBS = 8
"""Jobs of the io queue at once: they wait for the network, so that one dead PACS never holds up the others."""
_SYS_JOBS = 2
_POLL_SECONDS = 5.0
_IO_POLL_SECONDS = 0.5
"""How often the io queue looks for jobs whose time has come: nobody notifies of them, and every study waits for one,
its settling after the quiet time. Other jobs are told of at once."""
_RECONNECT_SECONDS = 5.0
_CANCEL_SECONDS = 60.0
"""A worker is told to stop; only one that waits for ever (for a database, say) is cancelled.

A cancellation in the moment in which the pool hands out a connection is lost (asyncio.wait_for before Python 3.12), and
a worker that just started would run on.
"""


def run_worker(app: App, queues: Sequence[str], concurrency: int, on_ready: Callable[[], None] | None = None) -> None:
    """Work on the queues until SIGTERM or SIGINT; ``concurrency`` is the number of cpu jobs at once.

    ``on_ready`` is called once when the database answered first. Call it in the main thread.
    """
    asyncio.run(_work(app, queues, concurrency, on_ready))


async def _work(app: App, queues: Sequence[str], concurrency: int, on_ready: Callable[[], None] | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    jobs = {"cpu": concurrency, "io": _IO_JOBS, "sys": _SYS_JOBS}
    loop.set_default_executor(ThreadPoolExecutor(sum(jobs.get(queue, 1) for queue in queues) + 4, "job"))
    while not stop.is_set():
        try:
            async with app.open_async():
                if on_ready is not None:
                    on_ready()
                    on_ready = None
                await _until_stopped(app, {queue: jobs.get(queue, 1) for queue in queues}, stop)
        except (ConnectorException, PoolTimeout) as error:
            log.error("worker.disconnected", error=type(error).__name__)
        if not stop.is_set():
            log.warning("worker.paused", in_s=_RECONNECT_SECONDS)
            await _wait(stop, _RECONNECT_SECONDS)


async def _until_stopped(app: App, queues: dict[str, int], stop: asyncio.Event) -> None:
    """Run a worker for each queue until one ends by itself (it lost the database) or we are told to stop."""
    looking_s = float(app.worker_defaults.get("fetch_job_polling_interval", _POLL_SECONDS))
    workers = [
        _worker(app, queue, number, _IO_POLL_SECONDS if queue == "io" else looking_s)
        for queue, number in queues.items()
    ]
    running = [asyncio.create_task(worker.run()) for worker in workers]  # type: ignore[no-untyped-call]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([*running, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for worker in workers:
        worker.stop()  # type: ignore[no-untyped-call]
    _, stuck = await asyncio.wait(running, timeout=_CANCEL_SECONDS)
    for task in stuck:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, Exception):
            log.warning("worker.ended", error=type(outcome).__name__)


def _worker(app: App, queue: str, number: int, looking_s: float) -> Worker:
    options: dict[str, Any] = dict(app.worker_defaults)
    options |= {
        "queues": [queue],
        "concurrency": number,
        "name": queue,
        "fetch_job_polling_interval": looking_s,
        "delete_jobs": "successful",  # the ledger has the history; ended rows slow starts
    }
    return Worker(app, **options)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
