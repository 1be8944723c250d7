"""Restart with many unregistered instances: how soon the port opens, and how fast rows follow.

The images are small (16 x 16 pixels) and the journal is filled without syncs, since only the restart is measured.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench import _latest
from bench._latest import Entry
from bench._receivers import ENVIRONMENT, await_port, free_port

IN_A_STUDY = 500


def fill(folder: Path, count: int) -> None:
    """Leave a journal as a listener leaves it that was killed while the database was away."""
    from tests.builders import encoded, image, uid

    from trabecula.domain.study.study import ReceivedInstance
    from trabecula.intake.journal.disk import Disk
    from trabecula.intake.journal.folder import JournalFolder
    from trabecula.intake.journal.writer import Journal, JournalOptions
    from trabecula.intake.storage.part10 import file_head

    class Careless(Disk):
        def sync(self, descriptor: int) -> None:
            """Leave it to the operating system."""

    syntax, sop_class = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2"
    pattern = encoded(image(study=9999, number=9999))
    made = ReceivedInstance(
        sop_class_uid=sop_class, sop_instance_uid="", transfer_syntax_uid=syntax, study_uid="", series_uid="",
        spool_key="", size_bytes=0, sha256="", calling_ae_title="BENCH", association_id="b",
        received_at=datetime.now(UTC),
    )  # fmt: skip
    journal = Journal(JournalFolder(folder), JournalOptions(spares=0), Careless())
    journal.start()
    for number in range(count):
        study, series = uid(1 + number // IN_A_STUDY), uid(1 + number // IN_A_STUDY, 1)
        name = uid(1 + number // IN_A_STUDY, 1, number)
        file = file_head(sop_class, name, syntax) + pattern
        journal.keep_instance(
            replace(
                made,
                sop_instance_uid=name,
                study_uid=study,
                series_uid=series,
                size_bytes=len(file),
                sha256=hashlib.sha256(file).hexdigest(),
            ),
            [file],
        )
    journal.stop()


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=_latest.ROOT / "out", help="a folder on a disk, not in memory")
    parser.add_argument("--remark", default="", help="what else ran on the machine")
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="backlog-") as name:
        data = Path(name) / "data"
        fill(data / "journal", options.instances)
        opened, rows, seconds = _restart(data, options.instances)
    against = f"{options.instances} unregistered instances of 2 kB"
    entries = [
        Entry("port_open_seconds_100k", opened, "s", f"start of trabecula serve to an open port, {against}"),
        Entry("backlog_rows_per_second", rows / seconds, "rows/s", f"from the first row to the last, {against}"),
    ]
    for entry in entries:
        print(f"{entry.name:28s} {entry.value:10.2f} {entry.unit:8s} {entry.against}")
    _latest.record(entries, seed=1, remark=options.remark)


def _restart(data: Path, count: int) -> tuple[float, int, float]:
    """Start the service on a full journal; return seconds to the open port, rows, and seconds from first to last."""
    port = free_port()
    environment = ENVIRONMENT | {
        "TRABECULA_DATA_DIR": str(data), "TRABECULA_DICOM_PORT": str(port), "TRABECULA_MIN_FREE_GIB": "0",
        "TRABECULA_STUDY_QUIET_SECONDS": "36000", "TRABECULA_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    started = time.monotonic()
    with subprocess.Popen([sys.executable, "-m", "trabecula", "serve"], env=environment, cwd=_latest.ROOT) as process:
        try:
            await_port(port, 60)
            opened = time.monotonic() - started
            url = f"postgresql:///trabecula?host={_socket_folder(data)}&user=postgres"
            first = rows = 0
            begun = time.monotonic()
            with psycopg.connect(url, autocommit=True) as connection:
                while rows < count and time.monotonic() - begun < 900:
                    (rows,) = connection.execute("SELECT count(*) FROM instances").fetchone() or (0,)
                    if rows and not first:
                        first, begun = rows, time.monotonic()
                    time.sleep(0.2)
            if rows != count:
                raise RuntimeError(f"{rows} rows of {count}")
            return opened, rows - first, time.monotonic() - begun
        finally:
            process.terminate()
            process.wait(90)


def _socket_folder(data: Path) -> str:
    """Return where the embedded PostgreSQL listens, once its tables are there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        file = data / "database" / "postmaster.pid"
        if file.exists() and len(lines := file.read_text().splitlines()) > 7 and lines[7].strip() == "ready":
            folder = lines[4]
            url = f"postgresql:///trabecula?host={folder}&user=postgres"
            try:
                with psycopg.connect(url) as connection:
                    connection.execute("SELECT 1 FROM instances LIMIT 1")
                return folder
            except psycopg.Error:
                pass
        time.sleep(0.2)
    raise TimeoutError(f"no database in {data} ({os.listdir(data)})")


if __name__ == "__main__":
    main()
