"""``trabecula listen``: the DICOM listener as a process of its own."""

from __future__ import annotations

from trabecula.bootstrap.database import opened_database
from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.listening import listener_of, registrar_of
from trabecula.cli.output import errors_as_exit_code, print_line
from trabecula.cli.serving.signals import end_event
from trabecula.domain.delivery import host_and_port
from trabecula.logs import configure_logging
from trabecula.settings import load_settings


def listen() -> None:
    """Receive studies until SIGTERM; then let running transfers end."""
    ended = end_event()
    with errors_as_exit_code():
        settings = load_settings()
        configure_logging(settings.log_level, part="listen")
        with opened_database(settings) as url, opened_engine(url) as engine:
            listener = listener_of(settings, registrar_of(settings, engine))
            port = listener.start()
            print_line(f"listener ready: {settings.ae_title}@{host_and_port(settings.dicom_host, port)}")
            ended.wait()
            listener.drain(settings.drain_seconds)
