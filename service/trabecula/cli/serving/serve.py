"""``trabecula serve``: everything on one box, one line for each part that is ready."""

from __future__ import annotations

import os
import threading

import structlog

from trabecula.bootstrap.database import KeptDatabase, kept_database
from trabecula.cli.output import errors_as_exit_code, print_line
from trabecula.cli.serving.signals import end_event
from trabecula.logs import configure_logging
from trabecula.settings import Settings, load_settings, unknown_variables
from trabecula.supervisor import ServicePart, Supervisor

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 0.5


def serve() -> None:
    """Start the database, the listener and the workers; keep them running until SIGTERM."""
    ended = end_event()
    with errors_as_exit_code():
        settings = load_settings()
        configure_logging(settings.log_level, part="serve")
        for name in unknown_variables():
            log.warning("settings.unknown_variable", name=name)
        with kept_database(settings) as database:
            print_line(f"database ready: {'embedded PostgreSQL' if not settings.database_url else 'PostgreSQL'}")
            environment = dict(os.environ) | {"TRABECULA_DATABASE_URL": database.url}
            progress = _Readiness(_parts(settings))
            supervisor = Supervisor(parts=progress.parts, environment=environment, on_line=progress.on_line)
            supervisor.start()
            try:
                _look_after(database, progress, ended)
            finally:
                supervisor.stop()
            print_line("trabecula has ended")


def _look_after(database: KeptDatabase, progress: _Readiness, ended: threading.Event) -> None:
    """Until told to end, start a killed database again (the parts reconnect by themselves).

    Raises DatabaseUnavailable when it does not come back: then the whole service ends, for systemd to start it anew.
    """
    told = False
    while not ended.wait(_LOOK_EVERY_SECONDS):
        if progress.all_ready.is_set() and not told:
            told = True
            print_line("trabecula is ready")
        if database.mend():
            log.error("database.started_again")
            print_line("database ready again: embedded PostgreSQL")


def _parts(settings: Settings) -> tuple[ServicePart, ...]:
    return (
        ServicePart("listen", ("listen",), grace_seconds=settings.drain_seconds + 10.0),
        ServicePart("analysis", ("work", "--queues", "cpu")),
        ServicePart("delivery", ("work", "--queues", "io")),
        ServicePart("rescue", ("work", "--queues", "sys")),
    )


class _Readiness:
    """Passes the parts' lines on and knows when each has said that it is ready."""

    def __init__(self, parts: tuple[ServicePart, ...]) -> None:
        self.parts = parts
        self.all_ready = threading.Event()
        self._waiting = {part.name for part in parts}
        self._lock = threading.Lock()

    def on_line(self, part: ServicePart, line: str) -> None:
        """Print the line; count the part as ready when it says so."""
        with self._lock:
            print_line(line)
            if " ready: " in line:
                self._waiting.discard(part.name)
                if not self._waiting:
                    self.all_ready.set()
