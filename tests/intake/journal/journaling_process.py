"""A process that listens with a journal, and nothing beside it: for tests that kill it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.journal.writer import Journal, JournalOptions
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool


def main() -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.set())
    journal = Journal(JournalFolder(Path(sys.argv[2])), JournalOptions(segment_bytes=1 << 20, spares=0))
    listener = Listener(ListenerConfig(port=0, min_free_bytes=0), Spool(Path(sys.argv[1])), journal)
    # The port goes to the parent; the log goes to standard error.
    os.write(1, f"{listener.start()}\n".encode())
    stopping.wait()
    listener.drain(2)


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main()
