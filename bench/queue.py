"""The queue with a million waiting studies: from "a worker is free" to "it holds a study", while a snapshot is held.

A real worker (``jobs.worker``) on an embedded PostgreSQL runs the real stages; stand-ins are what measures and what
writes reports: the analysis sleeps, the report is empty, no study has images. Waiting studies come from 50 sources in
three priorities; beside them lie finished studies and finished jobs of an older version's history.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from procrastinate.jobs import Job as QueuedJob

from bench import _latest
from bench._latest import Entry
from bench._receivers import ENVIRONMENT
from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.services import services_of
from trabecula.domain.results.report_origin import ReportOrigin
from trabecula.domain.results.result import Category, ResultObject, StudyResult
from trabecula.domain.uids import StudyUid
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.taking import BacklogTaker
from trabecula.jobs.worker import run_worker
from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.embedded import EmbeddedPostgres
from trabecula.ledger.schema import migrate
from trabecula.logs import configure_logging
from trabecula.pipeline import StageRequest
from trabecula.pipeline.services import ShouldStop
from trabecula.settings import load_settings

SITES = 50

_FILL = """
    SET session_replication_role = replica;
    INSERT INTO studies (study_uid, state, revision, calling_ae_title, priority)
    SELECT '1.2.' || n, CASE WHEN n <= {waiting} THEN 'ANALYSING' ELSE 'DONE' END, 1, 'SITE' || n % {sites},
           (ARRAY['URGENT', 'ROUTINE', 'BULK'])[1 + n / {sites} % 3]
    FROM generate_series(1, {waiting} + {finished}) n;
    INSERT INTO revisions (study_uid, revision, instance_digest, frozen_at)
    SELECT '1.2.' || n, 1, '', now() - make_interval(secs => n) FROM generate_series(1, {waiting} + {finished}) n;
    INSERT INTO backlog_lanes (queue, rank, name, is_destination)
    SELECT 'cpu', 1 + rank, 'SITE' || site, false FROM generate_series(0, {sites} - 1) site, generate_series(0, 2) rank;
    INSERT INTO backlog (lane_id, due_at, stage, study_uid, revision, destination, lock)
    SELECT l.id, now() - make_interval(secs => n), 'analyse', '1.2.' || n, 1, '', 'analyse:1.2.' || n || ':1'
    FROM generate_series(1, {waiting}) n
    JOIN backlog_lanes l ON l.name = 'SITE' || n % {sites} AND l.rank = 1 + n / {sites} % 3;
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status)
    SELECT 'cpu', 'trabecula.analyse', 'old:' || n, 'old:' || n, jsonb_build_object('study_uid', '1.3.' || n),
           'succeeded' FROM generate_series(1, {history}) n;
"""


@dataclass
class Times:
    """What a worker's calls took, in milliseconds, and how long a free place was free."""

    fetch: list[float] = field(default_factory=list)
    finish: list[float] = field(default_factory=list)
    free: list[float] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)


class TimedTaker(BacklogTaker):
    """The worker's way to the queue, with a stop watch."""

    times: ClassVar[Times] = Times()
    _free_since: ClassVar[deque[float]] = deque()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> QueuedJob | None:
        """Fetch and note; what finds nothing is no study held."""
        started = time.perf_counter()
        job = await super().fetch_job(queues, worker_id)
        ended = time.perf_counter()
        if job is not None:
            self.times.fetch.append(1e3 * (ended - started))
            if self._free_since:
                self.times.free.append(1e3 * (ended - self._free_since.popleft()))
        return job

    async def finish_job(self, *positional: Any, **named: Any) -> None:
        """Finish and note."""
        started = time.perf_counter()
        await super().finish_job(*positional, **named)
        ended = time.perf_counter()
        self.times.finish.append(1e3 * (ended - started))
        self._free_since.append(ended)


@dataclass
class StandIn:
    """Instead of measuring and reporting: sleeps, and has a result without images."""

    folder_of_all: Path
    seconds: float

    def analyse(self, request: StageRequest, should_stop: ShouldStop) -> None:
        """Take the time an analysis takes."""
        time.sleep(self.seconds)

    def report(self, request: StageRequest, should_stop: ShouldStop) -> None:
        """Write nothing."""

    def folder(self, study_uid: StudyUid, revision: int) -> Path:
        """Return one folder for all."""
        return self.folder_of_all

    def save_result(self, result: StudyResult) -> None:
        """Keep nothing."""

    def load_result(self, study_uid: StudyUid, revision: int) -> StudyResult:
        """Return a result that says nothing."""
        return StudyResult(
            study_uid=study_uid, revision=revision, category=Category.NOT_EVALUABLE, reasons=(), levels=()
        )

    def save_origin(self, study_uid: StudyUid, revision: int, origin: ReportOrigin) -> None:
        """Keep nothing."""

    def load_origin(self, study_uid: StudyUid, revision: int) -> ReportOrigin | None:
        """Return that nothing tells."""

    def save_objects(self, study_uid: StudyUid, revision: int, objects: Iterable[ResultObject]) -> None:
        """Keep nothing."""

    def load_objects(self, study_uid: StudyUid, revision: int) -> tuple[ResultObject, ...]:
        """Return no object."""
        return ()


@contextlib.contextmanager
def held_snapshot(url: str) -> Iterator[None]:
    """Hold a snapshot, as a long report or a backup does."""
    with psycopg.connect(conninfo_of(url)) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM installation")
        yield


def fill(url: str, options: argparse.Namespace) -> None:
    """Make what waits and what is history."""
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        numbers = {name: getattr(options, name) for name in ("waiting", "finished", "history")}
        for statement in _FILL.format(sites=SITES, **numbers).split(";"):
            if statement.strip():
                connection.execute(statement)  # type: ignore[arg-type]
        connection.execute("VACUUM ANALYZE")


def worked(url: str, folder: Path, options: argparse.Namespace) -> tuple[Times, float]:
    """Let a worker work for a while with the snapshot held; return its times and the studies done each second."""
    with opened_engine(url) as engine:
        settings = load_settings(data_dir=folder / "data", database_url=url)
        stand_in = StandIn(folder, options.analysis_seconds)
        services = replace(services_of(settings, engine), runner=stand_in, artifacts=stand_in)
        app = build_app(url, services, engine, QueueOptions())
        app.job_manager = TimedTaker(app.connector)
        with held_snapshot(url):
            stop = threading.Timer(options.seconds, os.kill, (os.getpid(), signal.SIGTERM))
            started = time.monotonic()
            run_worker(app, ("cpu",), options.slots, stop.start)
            elapsed = time.monotonic() - started
        with psycopg.connect(conninfo_of(url)) as connection:
            rows = connection.execute("SELECT s.calling_ae_title FROM events e JOIN studies s USING (study_uid) "
                                      "WHERE e.what = 'ANALYSED'").fetchall()  # fmt: skip
    TimedTaker.times.served = Counter(site for (site,) in rows)
    return TimedTaker.times, len(rows) / elapsed


def seconds_to_ready(url: str, folder: Path) -> float:
    """Return how long `trabecula work` takes to say that it is ready."""
    environment = ENVIRONMENT | {"TRABECULA_DATABASE_URL": url, "TRABECULA_DATA_DIR": str(folder / "second")}
    command = [sys.executable, "-m", "trabecula", "work", "--queues", "io,sys"]
    started = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"worker ready" in line:
                break
        seconds = time.monotonic() - started
        process.terminate()
        process.wait(60)
    return seconds


def percentile_95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[18]


def main() -> None:
    """Fill, measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--finished", type=int, default=1_000_000)
    parser.add_argument("--history", type=int, default=10_000_000, help="finished jobs of an older version")
    parser.add_argument(
        "--seconds", type=float, default=120.0, help="how long the worker works and the snapshot is held"
    )
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--analysis-seconds", type=float, default=0.25, help="how long the stand-in sleeps")
    parser.add_argument("--folder", type=Path, default=_latest.ROOT / "out", help="a folder on a disk, not in memory")
    parser.add_argument("--remark", default="", help="what else ran on the machine")
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    configure_logging("WARNING", part="bench")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="queue-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "postgres")
        url = server.start()
        try:
            migrate(url)
            started = time.monotonic()
            fill(url, options)
            print(f"filled in {time.monotonic() - started:.0f} s", flush=True)
            ready = seconds_to_ready(url, folder)
            times, rate = worked(url, folder, options)
        finally:
            server.stop()
    _tell(options, times, rate, ready)


def _tell(options: argparse.Namespace, times: Times, rate: float, ready: float) -> None:
    size = (
        f"{options.waiting} waiting studies of {SITES} sites in 3 priorities, a snapshot held for {options.seconds:g} s"
    )
    stand_in = f"{options.slots} places, stand-in analysis of {options.analysis_seconds:g} s, {rate:.1f} studies/s"
    per_study = 2 * (statistics.mean(times.fetch) + statistics.mean(times.finish))
    beside = f"{options.finished} finished studies, {options.history} finished jobs"
    most, least = max(times.served.values()), min(times.served.values())
    entries = [
        Entry("fetch_p95_ms_1m", percentile_95(times.fetch), "ms", f"at most 5; {size}; {stand_in}"),
        Entry(
            "free_to_held_p95_ms_1m", percentile_95(times.free), "ms", f"a place's job ended to next job held; {size}"
        ),
        Entry("queue_ms_per_study", per_study, "ms", f"under 50; two fetches and two ends; {size}"),
        Entry("worker_ready_seconds_1m", ready, "s", f"at most 5; {beside}; queues io and sys"),
        Entry("served_sites_most_to_least", most / least, "", f"{len(times.served)} of {SITES} sites served; {size}"),
    ]
    for entry in entries:
        print(f"{entry.name:28s} {entry.value:10.2f} {entry.unit:5s} {entry.against}")
    print(
        f"{len(times.fetch)} fetches, median {statistics.median(times.fetch):.2f} ms, longest {max(times.fetch):.1f} ms"
    )
    _latest.record(entries, seed=0, remark=options.remark)


if __name__ == "__main__":
    main()
