"""The parts of one box as processes: started in order, restarted when they die, stopped in order."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from trabecula.supervised import PART_SOCKET, SUPERVISED

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
EXIT_CONFIGURATION = 78
"""How a part ends that its settings keep from starting (EX_CONFIG of sysexits.h): starting it again changes nothing."""


@dataclass(frozen=True)
class ServicePart:
    """One process of the service: its name, its ``trabecula`` arguments and how long it may take to end."""

    name: str
    arguments: tuple[str, ...]
    grace_seconds: float = 30.0

    @property
    def command(self) -> list[str]:
        """The whole command line."""
        return [sys.executable, "-m", "trabecula", *self.arguments]


def socket_of(folder: Path, part: ServicePart) -> Path:
    """Return the socket on which a part answers."""
    return folder / f"{part.name}.sock"


@dataclass(kw_only=True)
class Supervisor:
    """Keeps parts running until told to stop. Their standard output comes line by line to ``on_line(part, line)``.

    A part that ends with EXIT_CONFIGURATION before it ever said a line is not started again: ``on_hopeless(part)``.
    """

    parts: Sequence[ServicePart]
    environment: dict[str, str]
    on_line: Callable[[ServicePart, str], None]
    on_hopeless: Callable[[ServicePart], None] = lambda part: None
    sockets: Path | None = None
    """Folder in which each part answers monitoring, on the socket ``socket_of``."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    _threads: dict[str, threading.Thread] = field(default_factory=dict)
    _renewed: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Start every part, each watched by a thread of its own (a part dies with the thread that started it)."""
        for part in self.parts:
            thread = threading.Thread(target=self._keep, args=(part,), name=f"part-{part.name}", daemon=True)
            self._threads[part.name] = thread
            thread.start()

    def stop(self) -> None:
        """End the parts in their order with SIGTERM; what outlasts its grace period is killed."""
        self._stopping.set()
        for part in self.parts:
            process = self._processes.get(part.name)
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(part.grace_seconds)
                except subprocess.TimeoutExpired:
                    log.warning("part.killed", name=part.name, after_s=part.grace_seconds)
                    process.kill()
            self._threads[part.name].join(timeout=5.0)

    def renew(self) -> None:
        """End every part as ``stop`` does, and start it again at once, so that it reads its settings anew."""
        for part in self.parts:
            process = self._processes.get(part.name)
            if process is not None and process.poll() is None and not self._stopping.is_set():
                self._renewed.add(part.name)
                process.send_signal(signal.SIGTERM)
                timer = threading.Timer(part.grace_seconds, process.kill)
                timer.daemon = True
                timer.start()

    def _environment_of(self, part: ServicePart) -> dict[str, str]:
        sockets = {PART_SOCKET: str(socket_of(self.sockets, part))} if self.sockets is not None else {}
        return self.environment | {SUPERVISED: "1"} | sockets

    def _keep(self, part: ServicePart) -> None:
        pause = _FIRST_PAUSE_SECONDS
        spoke = False
        while not self._stopping.is_set():
            with subprocess.Popen(
                part.command, stdout=subprocess.PIPE, text=True, env=self._environment_of(part)
            ) as process:
                self._processes[part.name] = process
                if self._stopping.is_set():
                    process.send_signal(signal.SIGTERM)
                assert process.stdout is not None
                for line in process.stdout:
                    pause = _FIRST_PAUSE_SECONDS
                    spoke = True
                    self.on_line(part, line.rstrip("\n"))
                code = process.wait()
            if code == EXIT_CONFIGURATION and not spoke:
                self.on_hopeless(part)
                return
            if part.name in self._renewed:
                self._renewed.discard(part.name)
                log.info("part.renewed", name=part.name, exit_code=code)
            elif not self._stopping.is_set():
                log.error("part.ended", name=part.name, exit_code=code, restart_in_s=pause)
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
