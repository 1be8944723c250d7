"""Inside the child: the job edge on its side, where whatever goes wrong becomes an answer for the parent process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog

from trabecula.domain.errors import AnalysisCrashed, AnalysisDefect, TrabeculaError
from trabecula.domain.errors_of.disk import disk_error, is_full
from trabecula.domain.study.activity import activities_told_to, doing
from trabecula.pipeline import StageRequest
from trabecula.pipeline.requests import DISK_FULL_EXIT_CODE, ERROR_EXIT_CODE, read_activity, write_activity, write_error

log = structlog.get_logger(__name__)


def run_child(request_path: Path, work: Callable[[StageRequest], None]) -> int:
    """Do the work a request file asks for and return the exit code: 0, 3 with the error beside the request, or 4.

    What the work does at any moment lies beside the request too, for a parent whose child is killed.
    """
    folder = request_path.parent
    try:
        with activities_told_to(lambda what: write_activity(folder, what)):
            doing("starting")
            work(StageRequest.read(request_path))
    except TrabeculaError as error:
        log.warning("stage.failed", code=error.code, detail=error.detail)
        return _left(folder, error)
    except Exception as error:
        log.exception("stage.crashed", doing=read_activity(folder))
        return _left(folder, _translated(error, read_activity(folder)))
    return 0


def _left(folder: Path, error: TrabeculaError) -> int:
    """Leave an error for the parent and return the exit code that says how."""
    try:
        write_error(folder, error)
    except OSError as refused:
        if not is_full(refused):
            raise
        return DISK_FULL_EXIT_CODE
    return ERROR_EXIT_CODE


def _translated(error: Exception, activity: str) -> TrabeculaError:
    """Return our error for one that is not ours; messages stay out of it, they quote values of headers."""
    when = f" while {activity}" if activity else ""
    if isinstance(error, MemoryError):
        return AnalysisCrashed(f"no memory was left{when}")
    if isinstance(error, OSError):
        return disk_error(error, f"{error.strerror or type(error).__name__}{when}")
    return AnalysisDefect(f"{type(error).__name__}{when}")
