"""What signals mean to a long-running command: SIGTERM and SIGINT finish cleanly, SIGHUP reads the settings anew."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType


def end_event() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return ended


def reload_event() -> threading.Event:
    """Return an event that SIGHUP sets; on a terminal SIGHUP says that the terminal is gone and goes on ending us."""
    asked = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    if not sys.stdin or not sys.stdin.isatty():
        signal.signal(signal.SIGHUP, ask)
    return asked
