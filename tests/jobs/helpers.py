"""Shared by the tests of jobs: child command, destinations, waiting for a condition, processes that end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from trabecula.domain.delivery import Destination

ROOT = Path(__file__).resolve().parents[2]


def child_command(mode: str) -> list[str]:
    """Return the command of the small child in one of its modes."""
    return [sys.executable, "-W", "ignore", "-m", "tests.jobs.small_child", mode]


def destinations() -> tuple[Destination, ...]:
    """Return one destination without storage commitment."""
    return (Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104, commitment=False),)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Wait until the condition holds, looking every few milliseconds; fail saying what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or a zombie that nobody reaps."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
