"""``trabecula web``: pages, API and monitors as a process of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import structlog
import typer
from sqlalchemy import Engine

from trabecula.bootstrap.database import opened_database
from trabecula.bootstrap.desk.parts import passwords_folder
from trabecula.bootstrap.desk.serving import running_desk
from trabecula.bootstrap.monitoring.answering import ServerAddress, Watched, answering, public_access, routes_of
from trabecula.bootstrap.monitoring.forwarding import forwarding_routes
from trabecula.bootstrap.monitoring.watching import web_watch
from trabecula.cli.output import print_line
from trabecula.cli.serving.signals import end_event
from trabecula.cli.serving.telling import serving_errors, tell_started
from trabecula.domain.errors import TrabeculaError
from trabecula.ledger.database import database_errors
from trabecula.logs import configure_logging
from trabecula.settings import Settings, load_settings
from trabecula.supervised import part_socket
from trabecula.supervisor import EXIT_CONFIGURATION
from trabecula.web.access.first_account import make_first_account
from trabecula.web.http.routes import Routes

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


def web(
    box: Annotated[Path | None, typer.Option(hidden=True, help="Socket of the service that keeps this part.")] = None,
) -> None:
    """Answer pages, API and monitors until SIGTERM, as a process of its own."""
    ended = end_event()
    with serving_errors(configuration=EXIT_CONFIGURATION), contextlib.ExitStack() as held:
        settings = load_settings()
        configure_logging(settings.log_level, part="web")
        if box is None:
            held.enter_context(opened_database(settings, new=True))
        held.enter_context(_answering_supervisor(settings))
        ready = threading.Event()

        def on_ready(address: str) -> None:
            tell_started(f"web ready: {address}", "web.started", address=address)
            ready.set()

        engine = held.enter_context(running_desk(settings, _monitoring(settings, box, ready), on_ready))
        _make_first_account(settings, engine, ended)
        ended.wait()


def _monitoring(settings: Settings, box: Path | None, ready: threading.Event) -> Routes:
    """Return what answers monitors: the service that keeps this part, or this process alone."""
    access = public_access(settings, settings.web_host)
    return routes_of(web_watch(settings, ready), access) if box is None else forwarding_routes(box, access)


@contextlib.contextmanager
def _answering_supervisor(settings: Settings) -> Iterator[None]:
    socket = part_socket()
    with answering(settings, ServerAddress(path=socket) if socket is not None else None, Watched(part="web")):
        yield


def _make_first_account(settings: Settings, engine: Callable[[], Engine], ended: threading.Event) -> None:
    """Make the first account as soon as there is a database, and tell where its password lies."""
    while not ended.is_set():
        try:
            with database_errors(), engine().begin() as connection:
                file = make_first_account(connection, passwords_folder(settings))
        except TrabeculaError:  # no database yet, or not migrated yet: whoever keeps it is at work
            ended.wait(_LOOK_SECONDS)
            continue
        if file is not None:
            print_line(f"first sign-in: account admin, password in {file}")
            log.info("account.created", account="admin", file=str(file))
        return
