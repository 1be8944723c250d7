"""A real listener on a loopback port for each test that asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trabecula.domain.ports.registrar import Registrar
from trabecula.intake.association import Limits
from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.journal.following import JournalFollower
from trabecula.intake.journal.writer import Journal, JournalOptions
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool
from trabecula.testing import MemoryRegistrar

QUICK = Limits(association_seconds=1.0, idle_seconds=20.0, pdu_seconds=1.0)
"""Deadlines short enough for a test of a peer that never answers."""


@dataclass
class Running:
    """A listener that listens; with a journal, what it keeps is followed up whenever a test looks."""

    listener: Listener
    port: int
    followed_spool: Spool
    memory: MemoryRegistrar
    follower: JournalFollower | None = None

    @property
    def spool(self) -> Spool:
        self.follow()
        return self.followed_spool

    @property
    def registrar(self) -> MemoryRegistrar:
        self.follow()
        return self.memory

    def follow(self) -> None:
        while self.follower is not None and self.follower.step():
            pass

    def files(self) -> list[Path]:
        return [path for path in (self.spool.root / "objects").rglob("*") if path.is_file()]

    def left_aside(self) -> list[Path]:
        return list((self.spool.root / "incoming").iterdir())


_BOTH = {"test_listener", "test_event_report", "test_association"}
"""Files whose tests run for both promises; the others are about peers, which no promise changes."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = {mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")}
    if "acknowledged_after" in metafunc.fixturenames and "acknowledged_after" not in chosen:
        both = metafunc.module.__name__.rpartition(".")[2] in _BOTH
        metafunc.parametrize("acknowledged_after", ["journal", "row"] if both else ["journal"], indirect=True)


after_row = pytest.mark.parametrize("acknowledged_after", ["row"], indirect=True)
"""For tests of what only the older promise knows: the ledger is asked before the answer."""


@pytest.fixture
def acknowledged_after(request: pytest.FixtureRequest) -> str:
    """What success waits for: this host's journal, or the row."""
    return str(request.param)


@pytest.fixture
def start(tmp_path: Path, acknowledged_after: str) -> Iterator[Callable[..., Running]]:
    """Return a function that starts a listener; keyword arguments go into its ListenerConfig."""
    started: list[Listener] = []

    def begin(registrar: Registrar | None = None, **config: Any) -> Running:
        memory = MemoryRegistrar()
        spool = Spool(tmp_path / "spool")
        settings = ListenerConfig(**{"port": 0, "min_free_bytes": 0, **config})
        follower = None
        keeper: Registrar | Journal = registrar or memory
        if acknowledged_after == "journal":
            assert registrar is None, "the ledger is not asked before the answer"
            folder = JournalFolder(tmp_path / "journal")
            keeper = Journal(folder, JournalOptions(segment_bytes=4 << 20, spares=0))
            follower = JournalFollower(folder, spool, memory)
        listener = Listener(settings, spool, keeper)
        port = listener.start()
        started.append(listener)
        return Running(listener, port, spool, memory, follower)

    yield begin
    for listener in started:
        listener.stop()


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    """A listener with default settings."""
    return start()
