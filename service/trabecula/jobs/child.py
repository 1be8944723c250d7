"""Heavy work in a child process: it cannot starve the worker's heartbeat, and it ends with a time-out or the worker."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from trabecula.domain.errors import AnalysisCrashed, AnalysisTimeout, SpoolUnavailable
from trabecula.jobs import guard
from trabecula.pipeline import Interrupted, StageRequest
from trabecula.pipeline.requests import ERROR_EXIT_CODE, REQUEST_FILE, read_activity, read_error
from trabecula.pipeline.services import ShouldStop

_LOOK_EVERY_SECONDS = 0.05
_SIGNALLED = 128


class ChildRunner:
    """Implements pipeline.services.StageRunner with ``command + [verb, request.json]``; verbs: analyse, report.

    The child runs in a process group of its own, led by a guard that ends it all when this process dies.
    """

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        self._command = list(command)
        self._timeout_s = timeout_s

    def analyse(self, request: StageRequest, should_stop: ShouldStop) -> None:
        """Run the analysis. Raises what it raised, AnalysisTimeout, AnalysisCrashed or Interrupted."""
        self._run("analyse", request, should_stop)

    def report(self, request: StageRequest, should_stop: ShouldStop) -> None:
        """Write the report. Raises what it raised, AnalysisTimeout, AnalysisCrashed or Interrupted."""
        self._run("report", request, should_stop)

    def _run(self, verb: str, request: StageRequest, should_stop: ShouldStop) -> None:
        prefix = f".{verb}-"
        try:
            _remove_leftovers(Path(request.folder), prefix)
            with tempfile.TemporaryDirectory(prefix=prefix, dir=request.folder) as folder:
                path = Path(folder) / REQUEST_FILE
                request.write(path)
                code = self._wait([*self._command, verb, str(path)], should_stop)
                error = read_error(path.parent) if code == ERROR_EXIT_CODE else None
                activity = read_activity(path.parent)
        except OSError as error_of_disk:
            raise SpoolUnavailable(f"{request.folder}: {error_of_disk.strerror}") from error_of_disk
        if error is not None:
            raise error
        when = f" while {activity}" if activity else ""
        if code is None:
            raise AnalysisTimeout(f"{self._timeout_s:g} s, ended{when}")
        if code != 0:
            raise AnalysisCrashed(f"{_ending(code)}{when}")

    def _wait(self, command: list[str], should_stop: ShouldStop) -> int | None:
        """Run the command to its end and return the exit code, or None where its time was up before.

        Nothing of its group outlives this call.
        """
        guarded = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), *command]
        process = subprocess.Popen(guarded, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + self._timeout_s
        in_time = True
        try:
            while not _has_ended(process.pid):
                if should_stop():
                    raise Interrupted
                if time.monotonic() > deadline:
                    in_time = False
                    break
                time.sleep(_LOOK_EVERY_SECONDS)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the number is still the group's
            code = process.wait()
        return code if in_time else None


def _remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove what a killed worker's child left: this stage of this revision runs once at a time."""
    for left in folder.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)


def _has_ended(pid: int) -> bool:
    """Return whether the process is over, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _ending(code: int) -> str:
    number = -code if code < 0 else code - _SIGNALLED
    if 0 < number < signal.NSIG:
        return f"ended by signal {signal.Signals(number).name}"
    return f"exit code {code}"
