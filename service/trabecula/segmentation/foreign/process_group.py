"""Running a foreign program in a process group of its own, so that it ends with all its children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 5.0
_LIBC = ctypes.CDLL(None, use_errno=True)


def run_to_end(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path, timeout_seconds: float
) -> int:
    """Run a program in ``folder``, its output into ``log``, and return its exit code (negative: ended by a signal).

    Raises TimeoutError after ``timeout_seconds``, when the whole group has been ended (SIGTERM, 5 s later SIGKILL), and
    OSError when the program cannot be started. It also dies when our own process dies.
    """
    with log.open("ab") as stream:
        process = subprocess.Popen(
            list(argv),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock is taken
        )
        try:
            return process.wait(timeout=timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{argv[0]} after {timeout_seconds:g} s") from error
        finally:
            _end_group(process)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the group: also children that outlived a program which ended by itself."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_GRACE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
