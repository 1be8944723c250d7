"""The desk as a user has it: ``trabecula serve`` on the seeded ledger, and storescu sending to its listener."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.builders import write_series

from bench._receivers import ENVIRONMENT, ROOT, await_port, free_port
from trabecula.ledger.connections import conninfo_of

IMAGES = 60
_ROWS = 128


@dataclass(frozen=True)
class RunningDesk:
    """A service that answers: where its pages are, and where images are sent to."""

    pages: str
    dicom_port: int
    pid: int


@contextlib.contextmanager
def running_desk(url: str, folder: Path) -> Iterator[RunningDesk]:
    """Run the service on the ledger; nothing settles or is analysed, as the queues cpu and io are paused meanwhile."""
    port, web_port = free_port(), free_port()
    environment = ENVIRONMENT | {
        "TRABECULA_DATABASE_URL": url, "TRABECULA_DATA_DIR": str(folder / "data"), "TRABECULA_DICOM_PORT": str(port),
        "TRABECULA_WEB_PORT": str(web_port), "TRABECULA_STUDY_QUIET_SECONDS": "86400", "TRABECULA_WORKERS": "1",
        "TRABECULA_MIN_FREE_GIB": "0", "TRABECULA_LOG_LEVEL": "WARNING",
        "TRABECULA_DESTINATIONS": "PACS=PACS@127.0.0.1:9,ARCHIVE=ARCHIVE@127.0.0.1:9",
    }  # fmt: skip
    with _paused(url), (folder / "serve.log").open("w") as log:
        command = [sys.executable, "-m", "trabecula", "serve"]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            if not any(line.strip() == "trabecula is ready" for line in process.stdout):
                raise RuntimeError(f"trabecula serve ended before it was ready; see {log.name}")
            await_port(web_port)
            yield RunningDesk(f"http://127.0.0.1:{web_port}", port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


@contextlib.contextmanager
def _paused(url: str) -> Iterator[None]:
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        pause = "INSERT INTO pauses (queue, destination, paused_by) VALUES (%s, '', 'bench') ON CONFLICT DO NOTHING"
        for queue in ("cpu", "io"):
            connection.execute(pause, (queue,))
        try:
            yield
        finally:
            connection.execute("DELETE FROM pauses WHERE paused_by = 'bench'")


@contextlib.contextmanager
def reception(port: int, folder: Path, every_s: float) -> Iterator[list[float]]:
    """Send a new study of IMAGES CT images each ``every_s`` seconds (0: one behind the other) by DCMTK's storescu.

    Gives the list of how long each took, in seconds, which grows meanwhile.
    """
    took: list[float] = []
    ended = threading.Event()

    def send() -> None:
        for number in itertools.count(time.time_ns() // 1_000_000_000):
            files = write_series(folder / "images", IMAGES, study=number, rows=_ROWS)
            started = time.monotonic()
            command = ["storescu", "-aec", "TRABECULA", "127.0.0.1", str(port), *map(str, files)]
            subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
            took.append(time.monotonic() - started)
            for file in files:
                os.unlink(file)
            if ended.wait(max(0.0, every_s - took[-1])):
                return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield took
    finally:
        ended.set()
        sender.join()
