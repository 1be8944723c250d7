"""One sync for everything on a file system (syncfs(2)), where the kernel says what could not be written."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

_TELLS_ERRORS = (5, 8)
"""The first version of Linux whose syncfs reports a failed write (syncfs(2))."""


@functools.cache
def can_sync_file_system() -> bool:
    """Return whether a sync of a whole file system can be trusted here."""
    try:
        version = tuple(int(part) for part in os.uname().release.split(".")[:2])
    except ValueError:
        return False
    return os.uname().sysname == "Linux" and version >= _TELLS_ERRORS and hasattr(_library(), "syncfs")


class FileSystem:
    """The file system of a folder; opened before anything is written, so that no failed write goes unsaid."""

    def __init__(self, folder: Path) -> None:
        """Open it. Raises OSError."""
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def sync(self) -> None:
        """Return when everything on it is on stable storage. Raises OSError."""
        if _library().syncfs(self._descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
