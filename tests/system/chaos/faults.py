"""The faults: what is killed, frozen or filled, one after another as a seed says, and the operator's history of it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tests.system.chaos.history import History
from tests.system.service import Installation, Process

PARTS = {
    "listener": ("trabecula", "listen"),
    "registrar": ("trabecula", "register"),
    "worker of cpu": ("trabecula", "work", "cpu"),
    "worker of io": ("trabecula", "work", "io"),
    "worker of sys": ("trabecula", "work", "sys"),
    "fork server": ("trabecula", "children"),
}
"""Words of the command line that name a part."""
_RESERVE_GIB = 3.0
_FROZEN_SECONDS = 2.0
_FULL_SECONDS = 3.0


class Faults:
    """The service under test, started by an operator who also does it harm."""

    def __init__(self, installation: Installation, folder: Path, seed: int) -> None:
        self._installation = installation
        self._folder = folder
        self._random = random.Random(seed)
        self._history = History(folder / "operator.jsonl")
        self._serves = 0
        self._serve = self._started()
        self._ways: dict[str, Callable[[], bool]] = {
            **{name: self._killer(words) for name, words in PARTS.items()},
            "database": self._kill_database,
            "database frozen": self._freeze_database,
            "everything at once": self._kill_everything,
            "disk full": self._fill_disk,
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(self._ways)

    def run(self, seconds: float, pause_s: tuple[float, float], kinds: Sequence[str] = ()) -> int:
        """Do harm for so long, of these kinds in order or of any; return how often."""
        ends = time.monotonic() + seconds
        done = 0
        while time.monotonic() < ends and not (kinds and done == len(kinds)):
            time.sleep(self._random.uniform(*pause_s))
            kind = kinds[done] if kinds else self._random.choice(self.kinds)
            if self._ways[kind]():
                self._history.add("fault", kind=kind)
                done += 1
        return done

    def stop(self) -> int:
        """End the service in order and return its exit code."""
        return self._serve.end()

    def _started(self) -> Process:
        free_gib = shutil.disk_usage(self._folder).free / 2**30
        self._installation.environment["TRABECULA_MIN_FREE_GIB"] = f"{max(0.1, free_gib - _RESERVE_GIB):.1f}"
        serve = self._installation.start(self._folder / f"serve-{self._serves}.log")
        self._serves += 1
        self._history.add("serve")
        return serve

    def wait_until_ready(self) -> None:
        self._serve.wait_for_line("trabecula is ready")

    def _parts(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._serve.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _killer(self, words: Sequence[str]) -> Callable[[], bool]:
        def kill() -> bool:
            for process in self._parts():
                if words[0] in " ".join(_words(process)) and set(words[1:]) <= set(_words(process)):
                    return _signal(process.pid, signal.SIGKILL)
            return False

        return kill

    def _database_processes(self) -> list[psutil.Process]:
        """The postmaster of the service's folder first, then its children."""
        place = str(self._installation.data_dir / "database")
        servers = [item for item in psutil.process_iter(["name"]) if item.info["name"] == "postgres"]
        masters = [item for item in servers if place in _words(item)]
        return [each for master in masters for each in (master, *_children(master))]

    def _kill_database(self) -> bool:
        return any(_signal(process.pid, signal.SIGKILL) for process in self._database_processes()[:1])

    def _freeze_database(self) -> bool:
        frozen = [process.pid for process in self._database_processes() if _signal(process.pid, signal.SIGSTOP)]
        time.sleep(_FROZEN_SECONDS)
        for pid in frozen:
            _signal(pid, signal.SIGCONT)
        return bool(frozen)

    def _kill_everything(self) -> bool:
        victims = [self._serve.pid, *(item.pid for item in self._parts() + self._database_processes())]
        for pid in victims:
            _signal(pid, signal.SIGKILL)
        self._serve.end(signal.SIGKILL)
        self._serve = self._started()
        return True

    def _fill_disk(self) -> bool:
        """Take more of the disk than the service leaves free, for a moment."""
        filler = self._folder / "filler"
        with filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, int((_RESERVE_GIB + 0.5) * 2**30))
        threading.Event().wait(_FULL_SECONDS)
        filler.unlink()
        return True


def _words(process: psutil.Process) -> list[str]:
    """Return the command line, a comma-separated list of queues as words."""
    try:
        return [word for part in process.cmdline() for word in part.split(",")]
    except psutil.Error:
        return []


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
