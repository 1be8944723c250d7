"""The checks of ``trabecula doctor``: each looks at one thing and says how to mend it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from trabecula.bootstrap.destinations import destination_of, verifier_of
from trabecula.bootstrap.keeping.filling import disk_room_of
from trabecula.bootstrap.models import segmenter_in_words
from trabecula.cli.audit.checking import audit
from trabecula.cli.doctor import running_checks as running
from trabecula.cli.doctor.ledger_look import LedgerLook
from trabecula.cli.doctor.time_service import clock_error_bound, time_services
from trabecula.cli.edge import as_ours, foreseen_errors
from trabecula.cli.serving.precautions import check_fonts
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import (
    ClockWrong,
    QueueStuck,
    SettingsSuspicious,
    StorageFull,
)
from trabecula.domain.errors_of.disk import disk_error
from trabecula.domain.errors_of.retention import DiskFilling
from trabecula.ledger.queries.queue_standing import queue_standing
from trabecula.settings import Settings, unknown_variables

_OLDEST_SENSIBLE_YEAR = 2025
_CLOCK_TOLERANCE_SECONDS = 5.0
_QUEUE_TOLERANCE_SECONDS = 900.0
_FILLING_DAYS = 7.0
"""A disk is told as filling so long before: time to free room or to bring some, over a weekend."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What a check found; ``fix`` is the next step when it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """A named check; ``run`` returns the detail, or raises an error that says how to mend it (as_ours)."""

    name: str
    run: Callable[[], str]

    def find(self) -> CheckResult:
        """Run it."""
        started = time.monotonic()
        try:
            detail = self.run()
        except foreseen_errors() as caught:
            error = as_ours(caught)
            return CheckResult(
                name=self.name,
                ok=False,
                detail=f"{error.code}: {error.sentence}",
                fix=error.next_step,
                seconds=_since(started),
            )
        return CheckResult(name=self.name, ok=True, detail=detail, seconds=_since(started))


def checks_of(settings: Settings, look: LedgerLook, *, quick: bool = False) -> tuple[Check, ...]:
    """Return every check that applies to these settings, in the order a person would look; names are stable.

    ``quick`` leaves the phantom out, for monitors that ask every minute.
    """
    verifier = verifier_of(settings)

    def echo(peer: Destination) -> Callable[[], str]:
        def run() -> str:
            verifier.echo(peer)
            return f"{peer.address} answers"

        return run

    peers = [(f"destination {peer.name}", destination_of(peer)) for peer in settings.destinations]
    if settings.archive is not None:
        peers.append(("archive", destination_of(settings.archive)))
    return (
        Check("settings", _settings),
        Check("disk", lambda: _disk(settings, look)),
        Check("database", lambda: _database(settings, look)),
        Check("clock", lambda: _clock(look)),
        Check("files", lambda: running.open_files(settings)),
        Check("certificates", lambda: running.certificates(settings)),
        Check("listener", lambda: running.listener(settings, look)),
        Check("desk", lambda: running.desk(settings)),
        Check("workers", lambda: running.workers(settings, look)),
        Check("queue", lambda: _queue(settings, look)),
        Check("received", lambda: running.received(settings, look)),
        Check("failures", lambda: running.failures(look)),
        Check("quarantine", lambda: running.quarantine(look)),
        Check("told", lambda: running.told(settings, look)),
        Check("audit", lambda: audit(settings, look.connection())),
        *(Check(name, echo(peer)) for name, peer in peers),
        Check("fonts", lambda: check_fonts(settings)),
        Check("models", lambda: running.models(settings)),
        Check("bundles", lambda: _bundles(settings)),
        *(() if quick else (Check("phantom", lambda: _phantom(settings)),)),
    )


def _settings() -> str:
    unknown = unknown_variables()
    if unknown:
        raise SettingsSuspicious(", ".join(unknown))
    return os.environ.get("TRABECULA_CONFIG", "environment and defaults")


def _disk(settings: Settings, look: LedgerLook) -> str:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"probe")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise disk_error(error, f"{folder}: {error.strerror}") from error
    free_gib = shutil.disk_usage(folder).free / 2**30
    if free_gib < settings.min_free_gib:
        raise StorageFull(f"{free_gib:.1f} GiB free in {folder}; watermark {settings.min_free_gib:g} GiB")
    return f"{free_gib:.0f} GiB free in {folder}{_fullness(settings, look)}{running.other_disks(look)}"


def _fullness(settings: Settings, look: LedgerLook) -> str:
    """Return when the disk will be full, as `trabecula retention show` does; without a database nothing."""
    try:
        room = disk_room_of(settings, look.connection())
    except foreseen_errors():
        return ""  # the next check tells why
    if room is None:
        return ""
    words = room.words(datetime.now(UTC).date())
    if room.days_left is not None and room.days_left < _FILLING_DAYS:
        raise DiskFilling(words)
    return f", {words}"


def _database(settings: Settings, look: LedgerLook) -> str:
    (version,) = look.connection().execute("SHOW server_version").fetchone() or ("",)
    return f"{'embedded ' if not settings.database_url else ''}PostgreSQL {version}, schema up to date"


def _clock(look: LedgerLook, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    (there,) = look.connection().execute("SELECT clock_timestamp()").fetchone() or (datetime.now(UTC),)
    here = now()
    apart = abs((here - there).total_seconds())
    if here.year < _OLDEST_SENSIBLE_YEAR or apart > _CLOCK_TOLERANCE_SECONDS:
        raise ClockWrong(f"{here:%Y-%m-%d %H:%M:%S} UTC, {apart:.1f} s from the database's")
    return f"{apart:.2f} s from the database's; {_kept()}"


def _kept() -> str:
    """Return how the clock is kept right. Raises ClockWrong where a time service runs and has not got hold of it."""
    bound, services = clock_error_bound(), time_services()
    if bound is not None:
        return f"kept right to {bound:.2g} s{' by ' + ', '.join(services) if services else ''}"
    if services:
        raise ClockWrong(f"{', '.join(services)} runs and has not synchronised it")
    return "nothing here keeps it right (no NTP)"


def _queue(settings: Settings, look: LedgerLook) -> str:
    standing = queue_standing(look.connection(), settings.stalled_seconds)
    if standing.waiting and standing.oldest_waiting_s > _QUEUE_TOLERANCE_SECONDS:
        paused = f"; paused: {', '.join(standing.paused)}" if standing.paused else ""
        raise QueueStuck(f"{standing.waiting} wait, the oldest for {standing.oldest_waiting_s:.0f} s{paused}")
    paused = f", paused: {', '.join(standing.paused)}" if standing.paused else ""
    return f"{standing.waiting} waiting, {standing.running} running, {standing.workers} workers alive{paused}"


def _bundles(settings: Settings) -> str:
    return segmenter_in_words(settings)


def _phantom(settings: Settings) -> str:
    from trabecula.cli.doctor.phantom_check import (
        measure_phantom,  # loads all that measures; a quick look needs none of it
    )

    return measure_phantom(settings)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)


__all__ = ["Check", "CheckResult", "checks_of"]
