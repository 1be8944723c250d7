"""A process that listens and writes each registered instance as one synced line: for tests that kill it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO

from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import StudyUid
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool


class LineRegistrar:
    """Keeps the promise of the port with a file: returns only after the line is on disk."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._lock = threading.Lock()

    def register(self, instance: ReceivedInstance) -> bool:
        with self._lock:
            self._file.write(json.dumps({**asdict(instance), "received_at": str(instance.received_at)}) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        return True

    def turn_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        return frozenset()  # no study was deleted

    def knows(self, sop_instance_uid: str) -> bool:
        raise AssertionError("no altered copies in these tests")

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        raise AssertionError("no storage commitment in these tests")


def main() -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.set())
    with Path(sys.argv[2]).open("a") as rows:
        listener = Listener(ListenerConfig(port=0, min_free_bytes=0), Spool(Path(sys.argv[1])), LineRegistrar(rows))
        # The port goes to the parent; the log goes to standard error.
        os.write(1, f"{listener.start()}\n".encode())
        stopping.wait()
        listener.drain(2)


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main()
