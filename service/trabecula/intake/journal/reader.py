"""A segment as the registrar reads it: record after record, and what of it is lost, told apart from what never was."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from trabecula.intake.journal.folder import SegmentFile, SegmentState
from trabecula.intake.journal.format import (
    BLOCK,
    RecordHead,
    RecordKind,
    SegmentHead,
    decode_record,
    decode_segment,
)

_SCAN_BYTES = 256 * BLOCK
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Found:
    """A record and where its block lies."""

    head: RecordHead
    offset: int


@dataclass(frozen=True)
class SegmentReading:
    """What was found behind the place where reading stopped before.

    ``lost`` are the numbers of records that had been acknowledged and have no readable block any more. ``ended``: no
    record will follow.
    """

    found: tuple[Found, ...]
    lost: tuple[int, ...] = ()
    ended: bool = False


class SegmentReader:
    """Reads one segment, whether its listener still writes to it, ended it in order, or was killed."""

    def __init__(self, segment: SegmentFile) -> None:
        """Open it. Raises NotASegment (its making was cut off), JournalTooNew, OSError."""
        self._descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        with contextlib.ExitStack() as unless_read:
            unless_read.callback(self.close)
            self.head: SegmentHead = decode_segment(os.pread(self._descriptor, BLOCK, 0))
            unless_read.pop_all()
        self._offset = BLOCK
        self._next = 0
        self._sealed = False
        self.settled = 0
        """Every record with a smaller number was durable, or refused, when another one that was read was begun."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def read(self, state: SegmentState) -> SegmentReading:
        """Return what is new. Raises OSError."""
        if state is SegmentState.OPEN:
            return SegmentReading(tuple(self._follow()))
        # It does not change any more: what follows a gap tells whether the gap was acknowledged.
        found = [*self._follow()]
        gaps: list[int] = []
        while not self._sealed and (resumed := self._resume()) is not None:
            gaps += range(self._next, resumed.head.sequence)
            found += [*self._taken(resumed), *self._follow()]
        lost = tuple(number for number in gaps if number < self.settled)
        return SegmentReading(tuple(found), lost, ended=True)

    def copy(self, found: Found, target: int) -> str:
        """Copy the payload of a record into an open file and return the SHA-256 of what was copied. Raises OSError.

        Another thread may read meanwhile.
        """
        digest = hashlib.sha256()
        for part in self._parts(found):
            digest.update(part)
            view = memoryview(part)
            while view:
                view = view[os.write(target, view) :]
        return digest.hexdigest()

    def payload(self, found: Found) -> bytes:
        """Return a small payload, shorter where the file ends before it does. Raises OSError."""
        return b"".join(self._parts(found))

    def _parts(self, found: Found) -> Iterator[bytes]:
        position, remaining = found.offset + BLOCK, found.head.payload_bytes
        while remaining and (part := os.pread(self._descriptor, min(remaining, _COPY_BYTES), position)):
            yield part
            position, remaining = position + len(part), remaining - len(part)

    def _follow(self) -> Iterator[Found]:
        """Yield the records that follow one another without a gap."""
        while (head := decode_record(os.pread(self._descriptor, BLOCK, self._offset), self.head.key)) is not None:
            if head.sequence != self._next:
                return
            yield from self._taken(Found(head, self._offset))

    def _taken(self, found: Found) -> tuple[Found, ...]:
        """Go past a record; return it unless it is the seal, which is none of the listener's."""
        self._offset = found.offset + found.head.whole_bytes
        self._next = found.head.sequence + 1
        self.settled = max(self.settled, found.head.settled)
        self._sealed = found.head.kind is RecordKind.SEAL
        return () if self._sealed else (found,)

    def _resume(self) -> Found | None:
        """Return the next record behind a gap, None where there is none."""
        position = self._offset
        while part := os.pread(self._descriptor, _SCAN_BYTES, position):
            for start in range(0, len(part), BLOCK):
                head = decode_record(memoryview(part)[start : start + BLOCK], self.head.key)
                if head is not None and head.sequence >= self._next:
                    return Found(head, position + start)
            position += _SCAN_BYTES
        return None
