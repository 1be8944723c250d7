"""The end of a long-running command: SIGTERM and SIGINT mean finish cleanly."""

from __future__ import annotations

import signal
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
