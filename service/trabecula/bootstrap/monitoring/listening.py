"""Builders of what is watched of a listener, and of the disks; nothing of a database is imported here."""

from __future__ import annotations

import contextlib
from pathlib import Path

from trabecula.bootstrap.monitoring.answering import Watched
from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.listener import Listener
from trabecula.intake.tls import certificate_ends_at
from trabecula.settings import Settings
from trabecula.web.monitoring.disks import Disks
from trabecula.web.monitoring.readiness import NotReady, ReadyCheck
from trabecula.web.monitoring.reception import ReceptionCollector
from trabecula.web.monitoring.refreshed import Refreshed

_CERTIFICATE_KEEP_SECONDS = 300.0
_CERTIFICATE_PATIENCE_SECONDS = 1.0
_JOURNAL_TOLERANCE_SECONDS = 120.0


def disks_of(settings: Settings, *, journal: bool) -> Disks:
    """Return the disks of the data, and of the journal where this process has one."""
    folders = {"data": settings.data_dir} | ({"journal": settings.journal_folder} if journal else {})
    return Disks(folders, int(settings.min_free_gib * 2**30))


def listener_watch(settings: Settings, listener: Listener, journal: JournalFolder | None) -> Watched:
    """Return what is watched of a listener."""
    disks = disks_of(settings, journal=journal is not None)
    certificate_ends = Refreshed(
        lambda: _certificate_end(settings.tls_certificate),
        keep_s=_CERTIFICATE_KEEP_SECONDS,
        patience_s=_CERTIFICATE_PATIENCE_SECONDS,
    )
    reception = ReceptionCollector(
        listener=listener,
        journal=journal,
        journal_limit_bytes=int(settings.journal_limit_gib * 2**30),
        certificate_ends=certificate_ends.value,
    )
    checks = [ReadyCheck("listener", lambda: _accepting(listener)), disks.check()]
    if journal is not None:
        checks.append(ReadyCheck("journal", lambda: _registered(journal)))
    return Watched(part="listen", collectors=(reception, disks), checks=checks)


def _accepting(listener: Listener) -> str:
    if not listener.is_accepting:
        raise NotReady("the listener takes no connections")
    return f"the listener takes connections, {listener.open_associations} are open"


def _registered(journal: JournalFolder) -> str:
    waiting_s = journal.oldest_waiting_s()
    if waiting_s > _JOURNAL_TOLERANCE_SECONDS:
        raise NotReady(f"images taken {waiting_s / 60:.0f} minutes ago have no rows yet: see the registrar's log")
    return "what was taken has its rows"


def _certificate_end(certificate: Path | None) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        return None if certificate is None else certificate_ends_at(certificate).timestamp()
    return None
