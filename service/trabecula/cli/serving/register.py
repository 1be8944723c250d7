"""``trabecula register``: writes files and rows of what the listener of this host has received."""

from __future__ import annotations

import contextlib
import os
import threading

import structlog

from trabecula.bootstrap.database import opened_database
from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.listening import journal_folder_of
from trabecula.bootstrap.registering import follower_of
from trabecula.cli.output import errors_as_exit_code, print_line
from trabecula.cli.serving.signals import end_event
from trabecula.domain.errors import DatabaseUnavailable
from trabecula.intake.journal.folder import REGISTRAR, JournalFolder
from trabecula.logs import configure_logging
from trabecula.settings import Settings, load_settings
from trabecula.supervisor import EXIT_CONFIGURATION

_WAIT_SECONDS = 2.0
_NICENESS = 2
"""The listener goes first: its sender waits for an answer, nobody waits for a row. Analyses (5) come after both."""

log = structlog.get_logger(__name__)


def register() -> None:
    """Write the rows of what the listener of this host received, until SIGTERM and until nothing is left to write."""
    ended = end_event()
    with errors_as_exit_code(configuration=EXIT_CONFIGURATION):
        settings = load_settings()
        configure_logging(settings.log_level, part="register")
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
        folder = journal_folder_of(settings)
        with folder.locked(REGISTRAR):
            print_line(f"registrar ready: {folder.root}")
            _follow(settings, folder, ended)


def _follow(settings: Settings, folder: JournalFolder, ended: threading.Event) -> None:
    """Follow the journal; where the database is away, wait for it: the journal keeps everything meanwhile."""
    while True:
        try:
            with opened_database(settings, new=True) as url, opened_engine(url) as engine:
                follower_of(settings, folder, engine).run(ended)
                return
        except DatabaseUnavailable as error:
            log.warning("registrar.no_database", code=error.code, reason=error.sentence, next_step=error.next_step)
            if ended.wait(_WAIT_SECONDS):
                return
