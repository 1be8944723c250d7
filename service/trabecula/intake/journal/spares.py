"""Files for the next segments, whose blocks were written before: a sync of them is a matter of their bytes alone.

The first write to a new block changes what the file system knows of the file, and its sync then waits for the file
system's own journal, with whatever other files have in it. So segments that are registered are used again; in quiet
moments they are overwritten with zeros, and nothing of a patient stays in them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

from trabecula.intake.journal.disk import Disk

USED, CLEAN = ".spare", ".clean"
MOST_USED = 8
"""More registered segments than these are removed instead."""
_CHUNK = bytes(1 << 20)


class Spares:
    """The spare files of a journal's folder; only its listener takes or cleans them."""

    def __init__(self, folder: Path, disk: Disk, size_bytes: int, wanted: int) -> None:
        self._folder = folder
        self._disk = disk
        self._size_bytes = size_bytes
        self._wanted = wanted

    def take(self) -> Path | None:
        """Return a spare file of the right size, a clean one if there is; None where there is none."""
        for suffix in (CLEAN, USED):
            for path in self._files(suffix):
                if path.stat().st_size == self._size_bytes:
                    return path
        return None

    def care(self, is_quiet: Callable[[], bool]) -> None:
        """Make or clean one file in a quiet moment; ends as soon as it is not quiet any more. Raises OSError."""
        used, clean = self._files(USED), self._files(CLEAN)
        if not is_quiet() or (not used and len(clean) >= self._wanted):
            return
        if used and len(clean) >= self._wanted:
            self._disk.remove(used[0])
            return
        path = used[0] if used else self._folder / f"{uuid.uuid4().hex}{USED}"
        descriptor = self._disk.reuse(path) if used else self._disk.create(path, self._size_bytes)
        try:
            for offset in range(0, self._size_bytes, len(_CHUNK)):
                if not is_quiet():
                    return
                self._disk.write(descriptor, [_CHUNK[: self._size_bytes - offset]], offset)
            self._disk.sync_file(descriptor)
            self._disk.rename(path, path.with_suffix(CLEAN))
        finally:
            self._disk.close(descriptor)

    def clear(self) -> None:
        """Remove them all. Raises OSError."""
        for path in (*self._files(USED), *self._files(CLEAN)):
            self._disk.remove(path)

    def _files(self, suffix: str) -> list[Path]:
        return spare_files(self._folder, suffix)


def spare_files(folder: Path, suffix: str = USED) -> list[Path]:
    """Return the spare files of a journal's folder."""
    return sorted(folder / name for name in os.listdir(folder) if name.endswith(suffix))
