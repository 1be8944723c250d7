"""Stable identifiers: the same input, software and settings give the same UIDs; anything else gives new ones."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

_NAMESPACE = uuid.UUID("7d0c8b52-9c1e-5f0a-8f60-2f6a1f6d4c11")
"""Fixed namespace of this project for UUIDv5; changing it changes every identifier ever issued."""

MANUFACTURER = "Trabecula"
"""Manufacturer (0008,0070) of every object this product writes; by it our own objects are known when they come back."""

MAX_UID_LENGTH = 64


def derived_uid(*parts: str, root: str = "2.25") -> str:
    """Return a UID that follows from ``parts`` alone (PS3.5 B.2: ``2.25.`` and a UUID as a decimal integer).

    With an organisation's own ``root`` the UUID integer is cut to what fits into 64 characters.
    Raises ValueError for a root that leaves fewer than 20 digits.
    """
    number = str(uuid.uuid5(_NAMESPACE, "|".join(parts)).int)
    room = MAX_UID_LENGTH - len(root) - 1
    if room < 20:
        raise ValueError(f"the UID root {root!r} is too long")
    digits = number[-room:].lstrip("0") or "1"
    return f"{root}.{digits}"


def digest(items: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of the sorted items, one a line: the identity of a set."""
    return hashlib.sha256("\n".join(sorted(items)).encode()).hexdigest()
