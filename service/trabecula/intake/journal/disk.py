"""The few calls by which the journal touches the disk, as one object; tests put one there that records or fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

Bytes = bytes | bytearray | memoryview


class Disk:
    """Files of the journal as the operating system offers them. Every method may raise OSError."""

    def create(self, path: Path, size_bytes: int) -> int:
        """Make a new file of ``size_bytes`` zeros whose room is taken, and return its descriptor."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if size_bytes:
                os.posix_fallocate(descriptor, 0, size_bytes)
        except OSError:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        return descriptor

    def reuse(self, path: Path) -> int:
        """Open a file whose room is to be written anew, and return its descriptor."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def write(self, descriptor: int, parts: Sequence[Bytes], offset: int) -> None:
        """Write all bytes of ``parts`` one after the other from ``offset``."""
        views = [memoryview(part).cast("B") for part in parts if len(part)]
        while views:
            written = os.pwritev(descriptor, views, offset)
            offset += written
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if views:
                views[0] = views[0][written:]

    def sync(self, descriptor: int) -> None:
        """Return when the bytes are on stable storage (fdatasync(2)). After a failure it is not to be called again."""
        os.fdatasync(descriptor)

    def sync_file(self, descriptor: int) -> None:
        """Return when the bytes and everything about the file is on stable storage (fsync(2))."""
        os.fsync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in a folder are on stable storage."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def cut(self, descriptor: int, size_bytes: int) -> None:
        """Give back what a file holds beyond ``size_bytes``."""
        os.ftruncate(descriptor, size_bytes)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """Rename a file within its folder."""
        path.rename(target)

    def remove(self, path: Path) -> None:
        """Remove a file; nothing happens where there is none."""
        path.unlink(missing_ok=True)
