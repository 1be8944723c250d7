"""Whether the kernel's clock is kept right by a time service (NTP, PTP), as adjtimex(2) tells; no right is needed."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import ClassVar

_NOT_SYNCHRONISED = 0x0040
"""STA_UNSYNC of linux/timex.h: set at boot, and by the kernel when nobody has corrected the clock for long."""
_TIME_SERVICES = frozenset({"systemd-timesyn", "chronyd", "ntpd", "openntpd", "ptp4l", "phc2sys"})
"""Names of processes (/proc/*/comm, 15 letters at most) that keep a clock right."""


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h; of what it tells only status and maxerror are read."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("constant", "precision", "tolerance", "seconds", "microseconds", "tick")),
        *((name, ctypes.c_long) for name in ("ppsfreq", "jitter")),
        ("shift", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("stabil", "jitcnt", "calcnt", "errcnt", "stbcnt")),
        ("tai", ctypes.c_int),
        ("padding", ctypes.c_int * 11),
    ]


def clock_error_bound() -> float | None:
    """Return by how many seconds the kernel's clock is off at most, None where no time service keeps it."""
    told = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "adjtimex")
    return None if told.status & _NOT_SYNCHRONISED else told.maxerror / 1e6


def time_services() -> tuple[str, ...]:
    """Return the names of the time services that run on this host (in a container: in it)."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            found.add(path.read_text().strip())
        except OSError:  # it has ended meanwhile
            continue
    return tuple(sorted(found & _TIME_SERVICES))
