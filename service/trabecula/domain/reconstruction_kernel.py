"""How a CT's reconstruction kernel treats edges, for every vendor alike."""

from __future__ import annotations

from enum import StrEnum


class KernelClass(StrEnum):
    """How a kernel treats edges; a sharp one leaves means alone and ruins texture."""

    SOFT = "SOFT"
    SHARP = "SHARP"
    UNKNOWN = "UNKNOWN"
