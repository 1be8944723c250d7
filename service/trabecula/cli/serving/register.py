"""``trabecula register``: writes files and rows of what the listener of this host has received."""

from __future__ import annotations

import contextlib
import os
import threading

import structlog

from trabecula.bootstrap.database import opened_database
from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.listening import journal_folder_of
from trabecula.bootstrap.monitoring.answering import ServerAddress, answering
from trabecula.bootstrap.monitoring.host_disks import telling_disks
from trabecula.bootstrap.monitoring.watching import registrar_watch
from trabecula.bootstrap.registering import follower_of
from trabecula.cli.serving.signals import end_event
from trabecula.cli.serving.telling import serving_errors, tell_started
from trabecula.domain.errors import DatabaseUnavailable
from trabecula.intake.journal.folder import REGISTRAR, JournalFolder
from trabecula.logs import configure_logging
from trabecula.settings import Settings, load_settings
from trabecula.supervised import part_socket
from trabecula.supervisor import EXIT_CONFIGURATION

_WAIT_SECONDS = 2.0
_NICENESS = 2
"""The listener goes first: its sender waits for an answer, nobody waits for a row. Analyses (5) come after both."""

log = structlog.get_logger(__name__)


def register() -> None:
    """Write the rows of what the listener of this host received, until SIGTERM and until nothing is left to write."""
    ended = end_event()
    with serving_errors(configuration=EXIT_CONFIGURATION):
        settings = load_settings()
        configure_logging(settings.log_level, part="register")
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
        folder = journal_folder_of(settings)
        with folder.locked(REGISTRAR):
            tell_started(f"registrar ready: {folder.root}", "registrar.started")
            following = threading.Event()
            socket = part_socket()
            with answering(settings, ServerAddress(path=socket) if socket else None, registrar_watch(following)):
                _follow(settings, folder, ended, following)


def _follow(settings: Settings, folder: JournalFolder, ended: threading.Event, following: threading.Event) -> None:
    """Follow the journal; where the database is away, wait for it: the journal keeps everything meanwhile."""
    while True:
        try:
            with (
                opened_database(settings, new=True) as url,
                opened_engine(url) as engine,
                telling_disks(settings, url, journal=True),
            ):
                following.set()
                follower_of(settings, folder, engine).run(ended)
                return
        except DatabaseUnavailable as error:
            following.clear()
            log.warning("registrar.disconnected", code=error.code, reason=error.sentence, next_step=error.next_step)
            if ended.wait(_WAIT_SECONDS):
                return
