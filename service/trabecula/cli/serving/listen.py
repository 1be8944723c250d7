"""``trabecula listen``: the DICOM listener as a process of its own."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from trabecula.bootstrap.listening import journal_of, listener_of
from trabecula.bootstrap.monitoring.answering import answering, part_place, socket_folder
from trabecula.bootstrap.monitoring.listening import listener_watch
from trabecula.cli.output import print_line
from trabecula.cli.serving.precautions import tell_openings
from trabecula.cli.serving.signals import end_event
from trabecula.cli.serving.telling import serving_errors
from trabecula.domain.delivery import host_and_port
from trabecula.domain.ports.registrar import Registrar
from trabecula.intake.journal.writer import Journal
from trabecula.logs import configure_logging
from trabecula.settings import Settings, load_settings
from trabecula.supervised import part_socket
from trabecula.supervisor import EXIT_CONFIGURATION, ServicePart, Supervisor, socket_of


def listen(
    registrar: Annotated[
        bool, typer.Option(help="Keep the registrar running beside it, which writes the rows of what it received.")
    ] = True,
) -> None:
    """Receive studies until SIGTERM; then let running transfers end."""
    ended = end_event()
    with serving_errors(configuration=EXIT_CONFIGURATION):
        settings = load_settings()
        configure_logging(settings.log_level, part="listen")
        if registrar:  # alone on its host; a whole service has told it already
            tell_openings(settings)
        if settings.acknowledge_after == "row":
            with _ledger_registrar(settings) as keeper:
                _serve(settings, keeper, ended, part_socket())
        else:
            _serve_with_journal(settings, ended, registrar)


def _serve_with_journal(settings: Settings, ended: threading.Event, registrar: bool) -> None:
    journal = journal_of(settings)
    socket = part_socket()
    parts = (ServicePart("register", ("register",)),) if registrar else ()
    with socket_folder() as folder:
        supervisor = Supervisor(
            parts=parts,
            environment=dict(os.environ),
            on_line=lambda _part, line: print_line(line),
            sockets=folder,
        )
        supervisor.start()
        try:
            _serve(settings, journal, ended, socket, {part.name: socket_of(folder, part) for part in parts})
        finally:
            supervisor.stop()


def _serve(
    settings: Settings,
    keeper: Registrar | Journal,
    ended: threading.Event,
    socket: Path | None,
    parts: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    listener = listener_of(settings, keeper)
    port = listener.start()
    print_line(f"listener ready: {settings.ae_title}@{host_and_port(settings.dicom_host, port)}")
    watched = listener_watch(settings, listener, keeper.folder if isinstance(keeper, Journal) else None)
    with answering(settings, part_place(settings, socket), replace(watched, parts=parts)):
        ended.wait()
        listener.drain(settings.drain_seconds)


@contextlib.contextmanager
def _ledger_registrar(settings: Settings) -> Iterator[Registrar]:
    from trabecula.bootstrap.database import opened_database  # a listener with a journal knows no database
    from trabecula.bootstrap.ledger import opened_engine
    from trabecula.bootstrap.monitoring.host_disks import telling_disks
    from trabecula.bootstrap.registering import registrar_of

    with (
        opened_database(settings, new=True) as url,
        opened_engine(url) as engine,
        telling_disks(settings, url),
    ):
        yield registrar_of(settings, engine)
