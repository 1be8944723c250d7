"""A real listener on a loopback port for each test that asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trabecula.domain.ports.registrar import Registrar
from trabecula.intake.association import Limits
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool
from trabecula.testing import MemoryRegistrar

QUICK = Limits(association_seconds=1.0, idle_seconds=20.0, pdu_seconds=1.0)
"""Deadlines short enough for a test of a peer that never answers."""


@dataclass
class Running:
    """A listener that listens."""

    listener: Listener
    port: int
    spool: Spool
    registrar: MemoryRegistrar

    def files(self) -> list[Path]:
        return [path for path in (self.spool.root / "objects").rglob("*") if path.is_file()]

    def left_aside(self) -> list[Path]:
        return list((self.spool.root / "incoming").iterdir())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Return a function that starts a listener; keyword arguments go into its ListenerConfig."""
    started: list[Listener] = []

    def begin(registrar: Registrar | None = None, **config: Any) -> Running:
        memory = MemoryRegistrar()
        spool = Spool(tmp_path / "spool")
        settings = ListenerConfig(**{"port": 0, "min_free_bytes": 0, **config})
        listener = Listener(settings, spool, registrar or memory)
        port = listener.start()
        started.append(listener)
        return Running(listener, port, spool, memory)

    yield begin
    for listener in started:
        listener.stop()


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    """A listener with default settings."""
    return start()
