"""What a part of one box does for its supervisor: it ends when the supervisor dies, and answers its monitoring."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

SUPERVISED = "_TRABECULA_SUPERVISED"
"""Set in the environment of a part: it asks the kernel to end it when the supervisor dies."""

PART_SOCKET = "_TRABECULA_PART_SOCKET"
"""Set in the environment of a part: the Unix socket on which it answers its supervisor's monitoring."""

_PR_SET_PDEATHSIG = 1


def end_with_supervisor() -> None:
    """In a supervised part: ask the kernel for SIGTERM when the supervisor dies, whatever kills it."""
    if os.environ.pop(SUPERVISED, ""):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == 1:  # it died before the line above
            sys.exit(1)


def part_socket() -> Path | None:
    """In a supervised part: return its socket, which no process below it inherits; None where there is none."""
    path = os.environ.pop(PART_SOCKET, "")
    return Path(path) if path else None
