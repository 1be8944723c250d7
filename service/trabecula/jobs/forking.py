"""The fork server's own side: a warm, single-threaded process that forks one child for each heavy stage.

It has imported what the stages need and holds nothing of any study. The worker sends on the control socket a verb, the
path of a request and one end of a socket of the run's own; the exit code goes back on that. A run whose other end is
closed is ended with its whole group, and when the control socket is closed, because the worker ended or died, every
run is. Each child has a guard as ``guard.py`` describes it, which ends the group when this process dies.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import structlog

log = structlog.get_logger(__name__)

MESSAGE_BYTES = 1 << 16
REFUSED = "refused"
"""The answer instead of an exit code where this process has threads: a fork of it might wait for ever for a lock."""

_THREADS = "OPENBLAS_NUM_THREADS"
_THREADS_BEFORE = "_TRABECULA_OPENBLAS_NUM_THREADS"
_PR_SET_PDEATHSIG = 1
_SIGNALLED = 128
_TASKS = Path("/proc/self/task")

Work = Callable[[str, Path], int]
"""Runs one stage, by verb and request file, and returns the exit code of its process."""


def environment_of_server() -> dict[str, str]:
    """Return this process's environment so that no library starts threads when the server imports it.

    A process with threads must not fork. A child has one processor core, so one thread is what it should have anyway.
    """
    return {**os.environ, _THREADS: "1", _THREADS_BEFORE: os.environ.get(_THREADS, "")}


def _take_environment_back() -> None:
    """Once everything is imported, let children and what they start have the worker's environment."""
    before = os.environ.pop(_THREADS_BEFORE, None)
    if before:
        os.environ[_THREADS] = before
    elif before is not None:
        os.environ.pop(_THREADS, None)


@dataclass(frozen=True)
class _Run:
    """A forked run: its guard (and group), told of its end by ``ended``, and the socket its exit code goes to."""

    guard: int
    ended: int
    answer: socket.socket

    def close(self) -> None:
        """End the group and tell the exit code; the guard is reaped last, so that its number stays the group's."""
        os.killpg(self.guard, signal.SIGKILL)
        _, status = os.waitpid(self.guard, 0)
        _answer(self.answer, str(os.waitstatus_to_exitcode(status)))
        os.close(self.ended)


class ForkServer:
    """Forks children for what comes on a control socket, until it is closed. Call it in the only thread."""

    def __init__(self, control: socket.socket, work: Work) -> None:
        self._control = control
        self._work = work
        self._runs: dict[int, _Run] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Serve until the control socket is closed; then nothing of any run is left."""
        _take_environment_back()
        gc.collect()
        gc.freeze()  # what is here already is never looked at again, so that its pages stay shared
        self._selector.register(self._control, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._take():
                        self._end_all()
                        return
                elif key.data in self._runs:
                    self._end(key.data)

    def _take(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 1)
        if not message or not descriptors:
            return False
        verb, path = json.loads(message)
        answer = socket.socket(fileno=descriptors[0])
        if len(list(_TASKS.iterdir())) != 1:
            log.error("fork_server.refused")
            _answer(answer, REFUSED)
            return True
        server = os.getpid()
        guard = os.fork()
        if guard == 0:
            self._become_guard(server, answer, verb, Path(path))
        os.setpgid(guard, guard)
        run = _Run(guard, os.pidfd_open(guard), answer)
        self._runs[guard] = run
        for source in (run.ended, run.answer):
            self._selector.register(source, selectors.EVENT_READ, guard)
        return True

    def _end(self, guard: int) -> None:
        run = self._runs.pop(guard)
        for source in (run.ended, run.answer):
            self._selector.unregister(source)
        run.close()

    def _end_all(self) -> None:
        for guard in list(self._runs):
            self._end(guard)

    def _become_guard(self, server: int, answer: socket.socket, verb: str, path: Path) -> NoReturn:
        """Lead the group of a child, hold nothing of the server's, and end with the child's exit code."""
        os.setpgid(0, 0)
        self._selector.close()
        for held in (self._control, answer, *(run.answer for run in self._runs.values())):
            held.close()
        for run in self._runs.values():
            os.close(run.ended)
        as_before = signal.signal(signal.SIGTERM, _end_group)
        _die_with_parent(server, signal.SIGTERM)
        guard = os.getpid()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, as_before)
            _die_with_parent(guard, signal.SIGKILL)
            _leave(lambda: self._work(verb, path))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else _SIGNALLED - code)


def _leave(work: Callable[[], int]) -> NoReturn:
    """Do the work and end this process as an interpreter ends, without what the server's own end would do."""
    code = 1
    try:
        code = work()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    finally:  # whatever else was raised must not run on in the server's loop
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answer(answer: socket.socket, text: str) -> None:
    """Tell the worker, unless it no longer listens."""
    with answer:
        try:
            answer.send(text.encode())
        except OSError:
            log.info("fork_server.unheard")


def _die_with_parent(parent: int, number: signal.Signals) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(_SIGNALLED + number)


def _end_group(_number: int, _frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)
