"""One segment that is being written: places in it are given out, and one sync serves everybody who waits for one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trabecula.domain.errors import SpoolUnavailable
from trabecula.intake.journal.disk import Bytes, Disk
from trabecula.intake.journal.format import (
    BLOCK,
    RecordHead,
    RecordKind,
    SegmentHead,
    encode_record,
    encode_segment,
    padded,
)

_ZEROS = bytes(BLOCK)


@dataclass(frozen=True)
class RecordPlace:
    """Where a record goes: its offset, its number, and what had settled when it was given out."""

    offset: int
    sequence: int
    settled: int
    stamp: float
    """Seconds since the host was booted: when its instance had come wholly."""


class OpenSegment:
    """A new segment, synced with its name when made. Thread-safe.

    After a failed write or sync nothing more is written to it, nobody who waits for a sync is told success, and it is
    never synced again: what a disk once failed to keep it may forget without another word.
    """

    def __init__(self, disk: Disk, path: Path, head: SegmentHead, size_bytes: int, spare: Path | None = None) -> None:
        """Make the file with room for ``size_bytes`` (0: it grows), of a spare one if there is. Raises OSError.

        What a spare file held is none of this segment's: its records had another key.
        """
        self.path = path
        self.head = head
        self._disk = disk
        self._size_bytes = size_bytes
        self._end = BLOCK
        self._next = 0
        self._changed = threading.Condition()
        self._pending: dict[int, float] = {}
        self._written = self._synced = 0
        self._syncing = False
        self.failed = False
        self._descriptor = disk.create(path, size_bytes) if spare is None else disk.reuse(spare)
        try:
            disk.write(self._descriptor, [encode_segment(head)], 0)
            if spare is not None:
                disk.rename(spare, path)
            disk.sync_file(self._descriptor)
            disk.sync_folder(path.parent)
        except OSError:
            disk.close(self._descriptor)
            raise

    @property
    def descriptor(self) -> int:
        """The open file, for what reads back."""
        return self._descriptor

    def write_ahead(self, data: Bytes, offset: int) -> None:
        """Write a part of a payload whose record follows. Raises OSError."""
        self._disk.write(self._descriptor, [data], offset)

    def place(self, payload_bytes: int, stamp: float) -> RecordPlace | None:
        """Return a place for a record, or None where the segment is full or has failed."""
        whole = BLOCK + padded(payload_bytes)
        with self._changed:
            if self.failed or (self._size_bytes and self._end + whole + BLOCK > self._size_bytes):
                return None
            place = RecordPlace(self._end, self._next, min(self._pending, default=self._next), stamp)
            self._end += whole
            self._next += 1
            self._pending[place.sequence] = stamp
            return place

    def keep(self, place: RecordPlace, head: RecordHead, payload: Sequence[Bytes]) -> None:
        """Write a record to its place and return when it is on stable storage. Raises SpoolUnavailable.

        The payload is written before its block: where the block can be read, the payload can.
        """
        block = encode_record(replace(head, sequence=place.sequence, settled=place.settled), self.head.key)
        filling = padded(head.payload_bytes) - head.payload_bytes
        try:
            if head.payload_bytes and payload:
                self._disk.write(self._descriptor, [*payload, _ZEROS[:filling]], place.offset + BLOCK)
            self._disk.write(self._descriptor, [block], place.offset)
            self._await_sync()
        except OSError as error:
            with self._changed:
                self.failed = True
                self._changed.notify_all()
            raise SpoolUnavailable(error.strerror or type(error).__name__) from error
        finally:
            with self._changed:
                del self._pending[place.sequence]
                self._changed.notify_all()

    def stamps(self) -> list[float]:
        """Return when the instances came that are being written."""
        with self._changed:
            return list(self._pending.values())

    @property
    def is_empty(self) -> bool:
        """True before the first place was given out."""
        with self._changed:
            return self._next == 0

    def close(self, target: Path | None) -> bool:
        """End a segment in which nothing is being written, name it ``target`` (None: it was given up).

        False while something is. An empty one is removed. Raises OSError; then it may be called again.
        """
        with self._changed:
            if self._pending:
                return False
            whole, self.failed = not self.failed, True
            wanted = target is not None and self._next > 0
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                if whole:
                    seal = RecordHead(kind=RecordKind.SEAL, sequence=self._next, settled=self._next)
                    self._disk.write(descriptor, [encode_record(seal, self.head.key)], self._end)
                if not self._size_bytes:
                    self._disk.cut(descriptor, self._end + BLOCK * whole)
            self._disk.close(descriptor)
        if wanted and target is not None:
            self._disk.rename(self.path, target)
        else:
            self._disk.remove(self.path)
        return True

    def _await_sync(self) -> None:
        """Return when everything that was written before this call is synced; one caller syncs for all who wait."""
        with self._changed:
            self._written += 1
            mine = self._written
            while self._synced < mine:
                if self.failed:
                    raise OSError(0, "another write or sync of the same segment failed")
                if self._syncing:
                    self._changed.wait()
                    continue
                self._syncing = True
                upto = self._written
                synced = False
                self._changed.release()
                try:
                    self._disk.sync(self._descriptor)
                    synced = True
                finally:
                    self._changed.acquire()
                    self._syncing = False
                    if synced:
                        self._synced = max(self._synced, upto)
                    else:
                        self.failed = True
                    self._changed.notify_all()
