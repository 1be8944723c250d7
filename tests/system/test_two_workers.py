"""Several processes, one PostgreSQL, one spool: a worker is killed in the middle, another finishes its study."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import database_url
from tests.system.conftest import StudyOnDisk
from tests.system.service import Installation, Process, storescu, wait_until

__all__ = ["database_url"]

pytestmark = pytest.mark.system


def parents(pid: int) -> list[int]:
    """Return the processes above a process, nearest first."""
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return found
        found.append(pid)
    return found


def arguments_of(pid: int) -> list[bytes]:
    """Return the command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def analysing(workers: dict[int, Process]) -> Process | None:
    """Return the worker of whose children one analyses a study now: its server of children has forked the first."""
    for folder in Path("/proc").glob("[0-9]*"):
        above = parents(int(folder.name)) if b"children" in arguments_of(int(folder.name)) else []
        if above and b"children" in arguments_of(above[0]):
            found = [workers[pid] for pid in above if pid in workers]
            if found:
                return found[0]
    return None


@pytest.mark.timeout(900)
@pytest.mark.parametrize("database_url", ["server"], indirect=True)  # embedded: tests/jobs/test_workers.py
def test_a_worker_killed_in_the_middle_of_an_analysis_costs_nothing(
    tmp_path: Path,
    database_url: str,
    installation: Callable[..., Installation],
    storescp: tuple[int, Path],
    require_tool: Callable[[str], str],
    ct_study: StudyOnDisk,
) -> None:
    # Arrange: a listener and two workers, each a process of its own
    sender = require_tool("storescu")
    port, folder = storescp
    place = installation(
        database_url=database_url,
        destinations=f"DCMTK=DCMTK@127.0.0.1:{port}",
        stalled_seconds=12,
        study_quiet_seconds=1,
    )
    listener = place.start(tmp_path / "listen.log", "listen")
    first = place.start(tmp_path / "first.log", "work", "--queues", "cpu,io,sys")
    second = place.start(tmp_path / "second.log", "work", "--queues", "cpu,io,sys")
    try:
        listener.wait_for_line("listener ready")
        first.wait_for_line("worker ready")
        second.wait_for_line("worker ready")

        # Act
        storescu(sender, ct_study.files, place.port)
        victim = wait_until(lambda: analysing({first.pid: first, second.pid: second}), 120, "an analysis")
        os.kill(victim.pid, signal.SIGKILL)
        document = place.wait_until_final(ct_study.uid, timeout_s=400)
    finally:
        codes = [process.end() for process in (listener, first, second)]

    # Assert: finished by the other, once, and delivered once
    done = [event["what"] for event in document["events"]]
    assert document["state"] == "DONE", document
    assert document["revision"] == 1
    assert done.count("ANALYSED") == 1
    assert len(list(folder.iterdir())) == 3
    assert sorted(codes) == [-signal.SIGKILL, 0, 0]
