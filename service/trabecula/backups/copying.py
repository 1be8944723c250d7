"""Copying a tree of files that only grows: what is there already is not copied again, what is gone goes."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PASSING = (".part", ".clean", ".spare", "status.json")
"""What is in work, what a journal keeps ready for its next segments, and what its listener says twice a second."""


@dataclass
class Copied:
    """How much lies in the copy now, and how much of it was copied by this run."""

    files: int = 0
    size_bytes: int = 0
    fresh: int = 0


def files_of(tree: Path) -> Iterator[Path]:
    """Give the files below a folder, relative to it; what is hidden is in work, or a lock."""
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith(_PASSING):
                yield (Path(folder) / name).relative_to(tree)


def copy_tree(source: Path, target: Path, *, replace: bool) -> Copied:
    """Copy a tree; a file of the same size and time is taken as the same. A file that goes meanwhile is left out.

    ``replace`` says whether one that differs is copied anew or stays as it is in the target. Nothing is synced.
    Raises OSError.
    """
    done = Copied()
    for path in files_of(source):
        with contextlib.suppress(FileNotFoundError):
            told = (source / path).stat()
            there = (target / path).stat() if (target / path).exists() else None
            same = there is not None and (there.st_size, there.st_mtime_ns) == (told.st_size, told.st_mtime_ns)
            if not same and (there is None or replace):
                _copy(source / path, target / path)
                done.fresh += 1
            done.files += 1
            done.size_bytes += told.st_size
    return done


def _copy(source: Path, target: Path) -> None:
    """Copy under a hidden name first: the name holds the whole file or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = target.with_name(f".{target.name}.part")
    try:
        shutil.copy2(source, aside)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def drop_others(target: Path, source: Path) -> int:
    """Remove from a copy what its source does not hold any more; return how many files that were. Raises OSError."""
    gone = 0
    for path in list(files_of(target)):
        if not (source / path).exists():
            (target / path).unlink(missing_ok=True)
            gone += 1
    return gone
