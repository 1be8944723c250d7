"""Heavy work in a child process: it cannot starve the worker's heartbeat, and it ends with a time-out or the worker."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import structlog

from trabecula.domain.errors import AnalysisCrashed, AnalysisTimeout
from trabecula.domain.errors_of.disk import DiskFull, disk_error
from trabecula.jobs.spawning import SpawnedChild
from trabecula.jobs.warm import ForkServerLost, WarmServer
from trabecula.pipeline import Interrupted, StageRequest
from trabecula.pipeline.requests import DISK_FULL_EXIT_CODE, ERROR_EXIT_CODE, REQUEST_FILE, read_activity, read_error
from trabecula.pipeline.services import ShouldStop

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 0.05
_SIGNALLED = 128


class RunningChild(Protocol):
    """A child that was started, with everything it starts in one process group."""

    def has_ended(self, within_s: float) -> bool:
        """Return whether it is over; wait so long for it."""
        ...

    def end(self) -> int:
        """End everything of the group and return the exit code."""
        ...


class ChildRunner:
    """Implements pipeline.services.StageRunner with ``command + [verb, request.json]``; verbs: analyse, report.

    The child runs in a process group of its own, led by a guard that ends it all when this process dies. With a warm
    ``server`` it is forked from that instead of started from nothing.
    """

    def __init__(self, command: Sequence[str], timeout_s: float, server: WarmServer | None = None) -> None:
        self._command = list(command)
        self._timeout_s = timeout_s
        self._server = server

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
                code = self._wait(verb, path, should_stop)
                error = read_error(path.parent) if code == ERROR_EXIT_CODE else None
                activity = read_activity(path.parent)
        except OSError as error_of_disk:
            raise disk_error(error_of_disk, f"{request.folder}: {error_of_disk.strerror}") from error_of_disk
        if error is not None:
            raise error
        if code == DISK_FULL_EXIT_CODE:
            raise DiskFull(request.folder)
        when = f" while {activity}" if activity else ""
        if code is None:
            raise AnalysisTimeout(f"{self._timeout_s:g} s, ended{when}")
        if code != 0:
            raise AnalysisCrashed(f"{_ending(code)}{when}")

    def _wait(self, verb: str, path: Path, should_stop: ShouldStop) -> int | None:
        """Run the stage to its end and return the exit code, or None where its time was up before.

        Nothing of its group outlives this call. A run that was lost with the fork server starts anew from nothing.
        """
        deadline = time.monotonic() + self._timeout_s
        if self._server is not None:
            try:
                return _until(self._server.fork(verb, path), deadline, should_stop)
            except ForkServerLost as error:
                log.warning("fork_server.lost_run", why=str(error))
                if should_stop():
                    raise Interrupted from error
        return _until(SpawnedChild([*self._command, verb, str(path)]), deadline, should_stop)


def _until(child: RunningChild, deadline: float, should_stop: ShouldStop) -> int | None:
    """Wait for a child until its end, its deadline or until nobody wants it any more (Interrupted)."""
    in_time = True
    try:
        while not child.has_ended(_LOOK_EVERY_SECONDS):
            if should_stop():
                raise Interrupted
            if time.monotonic() > deadline:
                in_time = False
                break
    finally:
        code = child.end()
    return code if in_time else None


def _remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove what a killed worker's child left: this stage of this revision runs once at a time."""
    for left in folder.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)


def _ending(code: int) -> str:
    number = -code if code < 0 else code - _SIGNALLED
    if 0 < number < signal.NSIG:
        return f"ended by signal {signal.Signals(number).name}"
    return f"exit code {code}"
