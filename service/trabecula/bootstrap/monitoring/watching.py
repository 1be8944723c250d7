"""Builders of what is watched of processes that speak to the ledger: workers, the registrar, the whole box."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from trabecula.bootstrap.monitoring.answering import Watched
from trabecula.bootstrap.monitoring.listening import disks_of
from trabecula.ledger.joining import running_url
from trabecula.settings import Settings
from trabecula.web.monitoring.ledger import LedgerScope, LedgerWatch
from trabecula.web.monitoring.readiness import NotReady, ReadyCheck


def ledger_watch(settings: Settings, url: Callable[[], str | None], queues: Sequence[str]) -> LedgerWatch:
    """Return what reads the ledger's figures."""
    scope = LedgerScope(
        queues=tuple(queues),
        destinations=tuple(peer.name for peer in settings.destinations),
        stalled_s=settings.stalled_seconds,
        embedded=not settings.database_url,
    )
    return LedgerWatch(url, scope)


def box_watch(settings: Settings, url: Callable[[], str | None], parts: Mapping[str, Path]) -> Watched:
    """Return what is watched of one box: its parts, the ledger, its disks."""
    ledger = ledger_watch(settings, url, ("cpu", "io", "sys"))
    disks = disks_of(settings, journal=False)
    checks = (ledger.database_check(), ledger.workers_check(), disks.check())
    return Watched(part="serve", collectors=(ledger, disks), checks=checks, parts=parts)


def worker_watch(
    settings: Settings,
    url: str,
    queues: Sequence[str],
    ready: threading.Event,
    stages: CollectorRegistry,
    *,
    alone: bool,
) -> Watched:
    """Return what is watched of a worker; one that is ``alone`` tells the ledger's figures too."""
    collectors: list[Collector] = [stages]
    checks = [ReadyCheck("worker", lambda: _works(ready))]
    if alone:
        ledger = ledger_watch(settings, lambda: url, queues)
        disks = disks_of(settings, journal=False)
        collectors += [ledger, disks]
        checks += [ledger.database_check(), ledger.workers_check(), disks.check()]
    return Watched(part="work", collectors=collectors, checks=checks)


def web_watch(settings: Settings, ready: threading.Event) -> Watched:
    """Return what is watched of a desk on a host of its own; figures of the ledger are told by workers there."""
    ledger = ledger_watch(settings, lambda: settings.database_url or running_url(settings.data_dir), ())
    checks = (ReadyCheck("web", lambda: _answers(ready)), ledger.database_check())
    return Watched(part="web", checks=checks)


def registrar_watch(following: threading.Event) -> Watched:
    """Return what is watched of a registrar."""
    return Watched(part="register", checks=(ReadyCheck("registrar", lambda: _follows(following)),))


def _works(ready: threading.Event) -> str:
    if not ready.is_set():
        raise NotReady("the worker waits for the database")
    return "the worker works"


def _answers(ready: threading.Event) -> str:
    if not ready.is_set():
        raise NotReady("the port is not had yet")
    return "pages are answered"


def _follows(following: threading.Event) -> str:
    if not following.is_set():
        raise NotReady("the registrar waits for the database")
    return "the registrar follows the journal"
