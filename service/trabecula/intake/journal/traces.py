"""Where a journal, or a file that was never finished, still holds a study: found by its UID in the bytes."""

from __future__ import annotations

import contextlib
import mmap
import re
import time
from collections.abc import Iterator
from pathlib import Path

_UNTOUCHED_SECONDS = 60.0


def segments_with(folder: Path, study_uid: str) -> tuple[Path, ...]:
    """Return the files of a journal in which the UID stands, those set aside as damaged included."""
    return tuple(path for path in _files(folder) if _holds(path, study_uid))


def unfinished_with(incoming: Path, study_uid: str) -> tuple[Path, ...]:
    """Return what a killed process left aside of a study: nobody has written to it for a minute."""
    oldest = time.time() - _UNTOUCHED_SECONDS
    found = []
    for path in sorted(incoming.glob("*.part")):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest and _holds(path, study_uid):
                found.append(path)
    return tuple(found)


def _files(folder: Path) -> Iterator[Path]:
    for place in (folder, folder / "damaged"):
        if place.is_dir():
            yield from sorted(path for path in place.iterdir() if path.is_file() and path.suffix != ".json")


def _holds(path: Path, study_uid: str) -> bool:
    """Whether the UID stands in a file, and not only as the beginning of a longer one."""
    pattern = re.compile(re.escape(study_uid.encode()) + rb"(?![0-9.])")
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        if path.stat().st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return pattern.search(content) is not None
    return False
