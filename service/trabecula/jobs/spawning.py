"""A child started from nothing: the command in a process group of its own, led by a guard that dies with the worker."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

from trabecula.jobs import guard


class SpawnedChild:
    """Implements jobs.child.RunningChild for a command."""

    def __init__(self, command: Sequence[str]) -> None:
        guarded = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), *command]
        self._process = subprocess.Popen(
            guarded, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self._ended = os.pidfd_open(self._process.pid)

    def has_ended(self, within_s: float) -> bool:
        """Return whether the process is over, without reaping it; wait a moment for it."""
        return bool(select.select([self._ended], [], [], within_s)[0])

    def end(self) -> int:
        """End everything of the group and return the exit code."""
        os.killpg(self._process.pid, signal.SIGKILL)  # not reaped yet, so the number is still the group's
        os.close(self._ended)
        return self._process.wait()
