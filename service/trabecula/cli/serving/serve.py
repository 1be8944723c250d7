"""``trabecula serve``: everything on one box, one line for each part that is ready."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from trabecula.bootstrap.database import KeptDatabase, kept_database
from trabecula.bootstrap.desk.exposure import check_exposure
from trabecula.bootstrap.monitoring.answering import ServerAddress, answering, socket_folder
from trabecula.bootstrap.monitoring.watching import box_watch
from trabecula.cli.output import print_line
from trabecula.cli.serving.alone import alone_in
from trabecula.cli.serving.precautions import check_fonts, keep_private, tell_openings
from trabecula.cli.serving.signals import end_event, reload_event
from trabecula.cli.serving.telling import serving_errors, tell_started
from trabecula.domain.errors import ConfigurationInvalid, DatabaseUnavailable
from trabecula.domain.errors_of.disk import DiskFull
from trabecula.domain.errors_of.serving import PartDoesNotStart
from trabecula.logs import configure_logging
from trabecula.settings import Settings, load_settings
from trabecula.supervisor import ServicePart, Supervisor, socket_of

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 0.5
_WAIT_SECONDS = 5.0


def serve() -> None:
    """Start the database, the listener and the workers; keep them running until SIGTERM."""
    ended, reload = end_event(), reload_event()
    with serving_errors():
        settings = load_settings()
        configure_logging(settings.log_level, part="serve")
        tell_openings(settings)
        check_fonts(settings)
        receiving, working = _parts(settings)
        progress = _Readiness((*receiving, *working))
        with (
            alone_in(settings.data_dir),
            _monitored(settings, progress, (*receiving, *working)) as web,
            _running(web, dict(os.environ), progress),
            _running(receiving, dict(os.environ), progress),
            _awaited_database(settings, ended) as database,
        ):
            if database is not None:
                keep_private(settings.data_dir)
                progress.database_url = database.url
                kind = "PostgreSQL" if settings.database_url else "embedded PostgreSQL"
                tell_started(f"database ready: {kind}", "database.started", kind=kind)
                environment = dict(os.environ) | {"TRABECULA_DATABASE_URL": database.url}
                with _running(working, environment, progress):
                    try:
                        _look_after(database, progress, ended, lambda: _reload(reload, progress, working))
                    finally:
                        # The listener first: what it still takes in is registered before the database goes.
                        progress.end(receiving)
        print_line("trabecula has ended")
        log.info("service.ended")


@contextlib.contextmanager
def _monitored(
    settings: Settings, progress: _Readiness, parts: tuple[ServicePart, ...]
) -> Iterator[tuple[ServicePart, ...]]:
    """Answer monitors for the whole box, from before its parts are there until they have ended; give the web part.

    Where there are pages, their process has the port and asks us on a socket; else the port is ours.
    """
    with socket_folder() as folder:
        progress.sockets = folder
        web: tuple[ServicePart, ...] = ()
        place = ServerAddress(settings.web_host, settings.web_port)
        if settings.web_pages:
            check_exposure(settings)
            place = ServerAddress(path=folder / "box.sock")
            web = (ServicePart("web", ("web", "--box", str(place.path))),)
        sockets = {part.name: socket_of(folder, part) for part in (*parts, *web)}
        watched = box_watch(settings, lambda: progress.database_url, sockets)
        on_ready = progress.web_ready if place.path is None else lambda _address: None
        with answering(settings, place, watched, on_ready):
            yield web


@contextlib.contextmanager
def _running(parts: tuple[ServicePart, ...], environment: dict[str, str], progress: _Readiness) -> Iterator[None]:
    supervisor = Supervisor(
        parts=parts,
        environment=environment,
        on_line=progress.on_line,
        on_hopeless=progress.on_hopeless,
        sockets=progress.sockets,
    )
    progress.supervisors[parts] = supervisor
    supervisor.start()
    try:
        yield
    finally:
        supervisor.stop()


@contextlib.contextmanager
def _awaited_database(settings: Settings, ended: threading.Event) -> Iterator[KeptDatabase | None]:
    """Give the database; one on another host is waited for while the listener's journal takes what comes.

    None where the service was told to end meanwhile. Raises what ``kept_database`` raises.
    """
    with contextlib.ExitStack() as stack:
        database = None
        while database is None and not ended.is_set():
            try:
                database = stack.enter_context(kept_database(settings))
            except DatabaseUnavailable as error:
                if not settings.database_url or settings.acknowledge_after == "row":
                    raise
                log.error("database.awaited", code=error.code, reason=error.sentence, next_step=error.next_step)
                ended.wait(_WAIT_SECONDS)
        yield database


def _look_after(
    database: KeptDatabase, progress: _Readiness, ended: threading.Event, on_look: Callable[[], None]
) -> None:
    """Until told to end, start a killed database again (the parts reconnect by themselves).

    One that a full disk ended is started when there is room again. Raises DatabaseUnavailable when it does not come
    back: then the whole service ends, for systemd to start it anew. Raises PartDoesNotStart where its settings keep a
    part from starting.
    """
    told = False
    while not ended.wait(_LOOK_EVERY_SECONDS):
        if progress.hopeless:
            raise PartDoesNotStart(", ".join(progress.hopeless))
        if progress.all_ready.is_set() and not told:
            told = True
            tell_started("trabecula is ready", "service.started")
        on_look()
        if _mended(database, ended):
            log.error("database.restarted")
            print_line("database ready again: embedded PostgreSQL")


def _mended(database: KeptDatabase, ended: threading.Event) -> bool:
    """Start a killed database again and return whether it had to be; where the disk is full, wait a moment instead."""
    try:
        return database.mend()
    except DiskFull as error:
        log.error("database.awaited", code=error.code, reason=error.sentence, next_step=error.next_step)
        ended.wait(_WAIT_SECONDS)
        return False


def _reload(asked: threading.Event, progress: _Readiness, working: tuple[ServicePart, ...]) -> None:
    """Where it was asked for: start the workers anew, so that they read the settings; the listener goes on as it is.

    Settings that are wrong change nothing. Running analyses are finished or handed back, as at any end of a worker.
    """
    if not asked.is_set():
        return
    asked.clear()
    try:
        load_settings()
    except ConfigurationInvalid as error:
        log.error("settings.refused", code=error.code, reason=error.sentence, next_step=error.next_step)
        return
    log.info("settings.reloaded", parts=[part.name for part in working])
    progress.supervisors[working].renew()


def _parts(settings: Settings) -> tuple[tuple[ServicePart, ...], tuple[ServicePart, ...]]:
    """Return the parts that run whether there is a database or not, and those that need it."""
    listen = ServicePart("listen", ("listen", "--no-registrar"), grace_seconds=settings.drain_seconds + 10.0)
    register = ServicePart("register", ("register",))
    work = (
        ServicePart("analysis", ("work", "--queues", "cpu")),
        ServicePart("delivery", ("work", "--queues", "io")),
        ServicePart("rescue", ("work", "--queues", "sys")),
    )
    if settings.acknowledge_after == "disk":
        return (listen,), (register, *work)
    # What a journal still holds from before is registered all the same.
    return (), (listen, *((register,) if settings.journal_folder.is_dir() else ()), *work)


class _Readiness:
    """Passes the parts' lines on and knows when each has said that it is ready."""

    def __init__(self, parts: tuple[ServicePart, ...]) -> None:
        self.supervisors: dict[tuple[ServicePart, ...], Supervisor] = {}
        self.all_ready = threading.Event()
        self.hopeless: list[str] = []
        self.database_url: str | None = None
        self.sockets: Path | None = None
        self._waiting = {part.name for part in parts}
        self._lock = threading.Lock()

    def end(self, parts: tuple[ServicePart, ...]) -> None:
        """End parts before the others."""
        self.supervisors[parts].stop()

    def on_hopeless(self, part: ServicePart) -> None:
        """Note a part that its settings keep from starting."""
        self.hopeless.append(part.name)

    def web_ready(self, address: str) -> None:
        """Say where monitors are answered."""
        with self._lock:
            tell_started(f"web ready: {address}", "web.started", address=address)

    def on_line(self, part: ServicePart, line: str) -> None:
        """Print the line; count the part as ready when it says so."""
        with self._lock:
            print_line(line)
            if " ready: " in line:
                self._waiting.discard(part.name)
                if not self._waiting:
                    self.all_ready.set()
