"""Whether a JPEG 2000 codestream was made with the irreversible transform: then pixels are not those acquired.

Transfer Syntaxes of JPEG 2000 that allow loss also hold codestreams without; the header's own mark (0028,2110) is
often lost on the way. The codestream tells (ITU-T T.800, A.6.1: the last value of marker COD).
"""

from __future__ import annotations

import mmap
from pathlib import Path

MAY_BE_LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in ("91", "93", "203"))
"""JPEG 2000, JPEG 2000 Part 2 Multi-component, High-Throughput JPEG 2000."""

_START_AND_SIZE = b"\xff\x4f\xff\x51"
_CODING_STYLE = b"\xff\x52"
_TRANSFORMATION = 13
"""Bytes from marker COD to the transformation: marker 2, length 2, style 1, progression, layers and components 4,
levels, block width, height and style 4."""
_IRREVERSIBLE = 0
_MAIN_HEADER = 65536
"""Bytes of the main header that are looked through; it is some hundred long."""


def is_irreversible(path: Path) -> bool:
    """Whether the first codestream of a file is irreversible; False where none can be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content.find(_START_AND_SIZE)
            if start < 0:
                return False
            head = content[start : start + _MAIN_HEADER]
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return False
    style = head.find(_CODING_STYLE, len(_START_AND_SIZE))
    return 0 <= style < len(head) - _TRANSFORMATION and head[style + _TRANSFORMATION] == _IRREVERSIBLE
