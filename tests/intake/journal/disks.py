"""Disks for tests of the journal: one that remembers every call, one whose calls fail when the test says so."""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence
from pathlib import Path

from trabecula.intake.journal.disk import Bytes, Disk


class RecordingDisk(Disk):
    """The real disk; ``calls`` are what was asked of it, in order, with the name of the file."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.failing: set[str] = set()
        self.hold: threading.Event | None = None
        """When set, syncs wait for it."""
        self._names: dict[int, str] = {}

    def create(self, path: Path, size_bytes: int) -> int:
        self._note("create", path.name)
        descriptor = super().create(path, size_bytes)
        self._names[descriptor] = path.name
        return descriptor

    def reuse(self, path: Path) -> int:
        descriptor = super().reuse(path)
        self._names[descriptor] = path.name
        return descriptor

    def rename(self, path: Path, target: Path) -> None:
        super().rename(path, target)
        for descriptor, name in list(self._names.items()):
            if name == path.name:
                self._names[descriptor] = target.name

    def write(self, descriptor: int, parts: Sequence[Bytes], offset: int) -> None:
        self._note("write", self._names[descriptor])
        super().write(descriptor, parts, offset)

    def sync(self, descriptor: int) -> None:
        if self.hold is not None:
            self.hold.wait(10)
        self._note("sync", self._names[descriptor])
        super().sync(descriptor)

    def sync_file(self, descriptor: int) -> None:
        self._note("sync_file", self._names[descriptor])
        super().sync_file(descriptor)

    def sync_folder(self, folder: Path) -> None:
        self._note("sync_folder", folder.name)
        super().sync_folder(folder)

    def kinds(self, name: str) -> list[str]:
        return [kind for kind, file in self.calls if file == name]

    def _note(self, kind: str, name: str) -> None:
        self.calls.append((kind, name))
        if kind in self.failing:
            raise OSError(errno.EIO, "Input/output error")
