"""The worker's side of the fork server: started once, asked for a child at a time, started again where it died."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from trabecula.jobs.forking import MESSAGE_BYTES, REFUSED, environment_of_server

log = structlog.get_logger(__name__)

_LAST_WORD_SECONDS = 30.0


class ForkServerLost(Exception):
    """The server died, or would not fork; nothing is known of the run, and nothing of it is left."""


class ForkedChild:
    """Implements jobs.child.RunningChild for a run of the fork server."""

    def __init__(self, answer: socket.socket) -> None:
        self._answer = answer

    def has_ended(self, within_s: float) -> bool:
        """Return whether the child is over or the server gone; wait a moment for it."""
        return bool(select.select([self._answer], [], [], within_s)[0])

    def end(self) -> int:
        """End everything of the group and return the exit code. Raises ForkServerLost."""
        with self._answer:
            with contextlib.suppress(OSError):  # it has answered and closed its end already
                self._answer.shutdown(socket.SHUT_WR)
            try:
                self._answer.settimeout(_LAST_WORD_SECONDS)
                said = self._answer.recv(MESSAGE_BYTES).decode()
            except OSError as error:
                raise ForkServerLost(type(error).__name__) from error
        if said in ("", REFUSED):
            raise ForkServerLost(said or "it has ended")
        return int(said)


class WarmServer:
    """A fork server of this process. ``command`` gets the number of its control socket as its last argument.

    It ends when this process ends, however that is, and takes its children along. Threads may share it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the server that runs now."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server unless it runs; it warms up by itself, and what is asked meanwhile waits for it."""
        with self._lock:
            self._started()

    def fork(self, verb: str, request_file: Path) -> ForkedChild:
        """Let the server fork a child for a request. Raises ForkServerLost."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = json.dumps([verb, str(request_file.absolute())]).encode()
        with theirs, self._lock:
            control = self._started()
            try:
                socket.send_fds(control, [message], [theirs.fileno()])
            except OSError as error:
                ours.close()
                self._stopped()
                raise ForkServerLost(type(error).__name__) from error
        return ForkedChild(ours)

    def stop(self) -> None:
        """End the server and every run of it."""
        with self._lock:
            self._stopped()

    def _started(self) -> socket.socket:
        if self._control is not None and self.pid is not None:
            return self._control
        if self._process is not None:
            log.warning("fork_server.died", exit_code=self._process.returncode)
            self._stopped()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                env=environment_of_server(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        return self._control

    def _stopped(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(_LAST_WORD_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None
