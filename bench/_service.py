"""A whole service to measure: ``trabecula serve`` with one worker and a storescp as its PACS, and its trail."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from bench._receivers import ENVIRONMENT, ROOT, free_port

QUIET_SECONDS = 2.0
_PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True)
class Service:
    """A running service: its process, port, environment and database."""

    pid: int
    port: int
    environment: dict[str, str]
    database_url: str

    def send(self, files: Sequence[Path]) -> float:
        """Send files over one association and return the moment (POSIX time) at which the last one was answered."""
        command = ["storescu", "-aec", "TRABECULA", "127.0.0.1", str(self.port), *map(str, files)]
        subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
        return time.time()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql, values).fetchall()  # type: ignore[arg-type]

    def wait_for(self, sql: str, wanted: int) -> None:
        """Wait until a query counts so many."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.rows(sql)[0][0] < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{wanted} did not come: {sql}")
            time.sleep(0.5)

    def trail(self, study_uid: str) -> dict[str, datetime]:
        """Return when each thing first happened to a study; deliveries with their kind, as ``SENT SR``."""
        found = self.rows("SELECT what, facts, at FROM events WHERE study_uid = %s ORDER BY id DESC", study_uid)
        return {f"{what} {(facts or {}).get('kind', '')}".strip(): at for what, facts, at in found}


@contextlib.contextmanager
def service(folder: Path, **settings: str) -> Iterator[Service]:
    """Run a service with an embedded PostgreSQL in ``folder``; a storescp beside it takes the results."""
    port, pacs = free_port(), free_port()
    (folder / "pacs").mkdir(parents=True)
    environment = ENVIRONMENT | {
        "TRABECULA_DATA_DIR": str(folder / "data"), "TRABECULA_DICOM_PORT": str(port), "TRABECULA_MIN_FREE_GIB": "0",
        "TRABECULA_STUDY_QUIET_SECONDS": str(QUIET_SECONDS), "TRABECULA_WORKERS": "1",
        "TRABECULA_DESTINATIONS": f"PACS=PACS@127.0.0.1:{pacs}", "TRABECULA_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    environment |= {f"TRABECULA_{name.upper()}": value for name, value in settings.items()}
    receiver = subprocess.Popen(
        ["storescp", "-aet", "PACS", "-od", str(folder / "pacs"), str(pacs)], env=ENVIRONMENT, stdout=subprocess.DEVNULL
    )
    command = [sys.executable, "-m", "trabecula", "serve"]
    with (folder / "serve.log").open("w") as log:
        running = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # a benchmark out of time leaves nothing running
    try:
        assert running.stdout is not None
        if not any(line.strip() == "trabecula is ready" for line in running.stdout):
            raise RuntimeError("trabecula serve ended before it was ready")
        told = (folder / "data" / "database" / "postmaster.pid").read_text().splitlines()
        url = f"postgresql://postgres@/trabecula?host={told[4]}"
        time.sleep(10)  # the fork server warms up in the background
        yield Service(running.pid, port, environment, url)
    finally:
        running.terminate()
        running.wait(90)
        receiver.terminate()
        receiver.wait(30)


def result_of(folder: Path) -> dict[str, Any]:
    """Return the only result below a data folder."""
    (path,) = (folder / "data" / "results").rglob("result.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document
