"""The journal as its listener writes it: segments begun before they are needed, ended when full or idle; the limit."""

from __future__ import annotations

import contextlib
import itertools
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from trabecula.domain.errors import SpoolUnavailable, TrabeculaError
from trabecula.domain.errors_of.reception import BacklogFull
from trabecula.domain.study.reception import RefusedInstance
from trabecula.domain.study.study import ReceivedInstance
from trabecula.intake.journal.disk import Bytes, Disk
from trabecula.intake.journal.entries import Facts, facts_of_instance, facts_of_refusal
from trabecula.intake.journal.folder import (
    LISTENER,
    JournalFolder,
    ListenerStatus,
    SegmentState,
    boot_id,
    since_boot,
)
from trabecula.intake.journal.format import BLOCK, RecordHead, RecordKind, SegmentHead, padded
from trabecula.intake.journal.refusals import Refusals
from trabecula.intake.journal.segment import OpenSegment, RecordPlace
from trabecula.intake.journal.spares import Spares

LARGE_OFFSET = 2 * BLOCK
"""Where the bytes of the one instance of a large segment begin: behind its head and the block of its record."""

_QUIET_SECONDS = 1.0
"""Without a new instance for so long, spare files are cleaned."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class JournalOptions:
    """Sizes and times of a journal.

    A segment of ``segment_bytes`` is begun before the last one is full, in one of ``spares`` files kept for it. An idle
    one is ended after ``idle_seconds``, so that what is registered does not stay in it. Beyond ``limit_bytes`` of
    segments nothing more is taken.
    """

    segment_bytes: int = 32 << 20
    spares: int = 4
    limit_bytes: int = 64 << 30
    idle_seconds: float = 2.0
    tell_seconds: float = 0.25


class Journal:
    """The writing end of a journal. Thread-safe."""

    def __init__(self, folder: JournalFolder, options: JournalOptions | None = None, disk: Disk | None = None) -> None:
        self.folder = folder
        self.options = options or JournalOptions()
        self._disk = disk or Disk()
        self._lock = threading.Lock()
        self._taking = threading.Lock()
        self._current: OpenSegment | None = None
        self._spare: OpenSegment | None = None
        self._large: set[OpenSegment] = set()
        self._retired: list[OpenSegment] = []
        self._numbers = itertools.count(1)
        self._used_at = 0.0
        self._used_bytes = 0
        self._refusals = Refusals()
        self._boot_id = boot_id()
        self._spares = Spares(folder.root, self._disk, self.options.segment_bytes, self.options.spares)
        self._wake = threading.Event()
        self._stopping = False
        self._tender: threading.Thread | None = None
        self._held = ExitStack()

    def start(self) -> None:
        """Take the folder and begin; what lies there is left to the registrar, so this takes no time.

        Raises JournalInUse.
        """
        self._held.enter_context(self.folder.locked(LISTENER))
        self.folder.cut_open_segments()
        last = max((segment.number for segment in self.folder.segments()), default=0)
        self._numbers = itertools.count(last + 1)
        self._used_bytes = self.folder.used_bytes()
        self._tell()
        self._tender = threading.Thread(target=self._tend, name="journal", daemon=True)
        self._tender.start()

    def stop(self) -> None:
        """End every segment and let go of the folder; no association may be running any more. Again: nothing."""
        if self._stopping:
            return
        self._stopping = True
        self._wake.set()
        if self._tender is not None:
            self._tender.join()
        with self._lock:
            self._retired += [segment for segment in (self._current, self._spare, *self._large) if segment is not None]
            self._current = self._spare = None
            self._large.clear()
        self._care(self._record_refusals, self._end_retired, self._tell, self._spares.clear)
        self._held.close()

    def check(self) -> None:
        """Raise BacklogFull when the journal holds as much as it may."""
        if self._used_bytes > self.options.limit_bytes:
            used, limit = self._used_bytes / 2**30, self.options.limit_bytes / 2**30
            raise BacklogFull(f"it takes {used:.1f} of {limit:.1f} GiB")

    def keep_instance(self, instance: ReceivedInstance, payload: Sequence[Bytes]) -> None:
        """Return when an instance and its record are on stable storage. Raises SpoolUnavailable."""
        self._keep(RecordKind.INSTANCE, facts_of_instance(instance), instance.size_bytes, payload)

    def keep_commitment(self, payload: bytes, sha256: str) -> None:
        """Return when a storage commitment answer is on stable storage. Raises SpoolUnavailable."""
        facts: Facts = {"sha256": sha256, "received_at": datetime.now(UTC).isoformat()}
        self._keep(RecordKind.COMMITMENT, facts, len(payload), [payload])

    def keep_refusal(self, refused: RefusedInstance) -> None:
        """Record that an instance was refused; where not even that can be written, it is tried again later."""
        if self._refusals.is_news(refused):
            try:
                self._keep(RecordKind.REFUSAL, facts_of_refusal(refused), 0, ())
            except TrabeculaError:
                self._refusals.put_off(refused)

    def begin_large(self) -> OpenSegment:
        """Return a segment for one instance alone, which grows as it comes. Raises SpoolUnavailable."""
        segment = self._make(0)
        with self._lock:
            self._large.add(segment)
        return segment

    def keep_large(self, segment: OpenSegment, instance: ReceivedInstance) -> None:
        """Return when the instance whose bytes were written from LARGE_OFFSET, and its record, are on stable storage.

        Raises SpoolUnavailable.
        """
        with self._lock:
            place = segment.place(instance.size_bytes, since_boot())
        try:
            self._keep_in(segment, place, RecordKind.INSTANCE, facts_of_instance(instance), instance.size_bytes, ())
        finally:
            with self._lock:
                self._large.discard(segment)
                self._retired.append(segment)
            self._wake.set()

    def drop_large(self, segment: OpenSegment) -> None:
        """Forget an instance that does not come to its end; never raises."""
        with self._lock:
            self._large.discard(segment)
        with contextlib.suppress(OSError):
            segment.close(None)

    def _keep(self, kind: RecordKind, facts: Facts, size: int, payload: Sequence[Bytes]) -> None:
        with self._lock:
            segment, place = self._place(kind, size)
        self._keep_in(segment, place, kind, facts, size, payload)

    def _keep_in(
        self,
        segment: OpenSegment,
        place: RecordPlace | None,
        kind: RecordKind,
        facts: Facts,
        size: int,
        payload: Sequence[Bytes],
    ) -> None:
        if place is None:
            raise SpoolUnavailable("the segment of the journal cannot be written any more")
        facts = facts | {"boottime": place.stamp}
        head = RecordHead(kind=kind, sequence=0, settled=0, payload_bytes=size, facts=facts)
        try:
            segment.keep(place, head, payload)
        except SpoolUnavailable:
            log.error("segment.failed", segment=segment.path.name)
            self._wake.set()
            raise

    def _place(self, kind: RecordKind, size: int) -> tuple[OpenSegment, RecordPlace | None]:
        """Return a place in the current segment, or in a new one; the journal's lock is held."""
        if self._stopping and kind is not RecordKind.REFUSAL:
            raise SpoolUnavailable("the listener ends")
        stamp = self._used_at = since_boot()
        if self._current is not None:
            place = self._current.place(size, stamp)
            if place is not None:
                return self._current, place
            self._retired.append(self._current)
            self._current = None
        if 2 * BLOCK + padded(size) > self.options.segment_bytes:
            segment = self._make(0)
            place = segment.place(size, stamp)
            self._retired.append(segment)
            return segment, place
        self._current, self._spare = self._spare or self._make(self.options.segment_bytes), None
        self._wake.set()
        return self._current, self._current.place(size, stamp)

    def _make(self, size_bytes: int) -> OpenSegment:
        key, uid = uuid.uuid4().bytes, uuid.uuid4().hex
        head = SegmentHead(journal_uid=self.folder.journal_uid, segment_uid=uid, key=key, boot_id=self._boot_id)
        path = self.folder.segment_path(next(self._numbers), uid, SegmentState.OPEN)
        try:
            with self._taking:
                spare = self._spares.take() if size_bytes else None
                return OpenSegment(self._disk, path, head, size_bytes, spare)
        except OSError as error:
            raise SpoolUnavailable(error.strerror or type(error).__name__) from error

    def _tend(self) -> None:
        while not self._stopping:
            self._wake.wait(self.options.tell_seconds)
            self._wake.clear()
            self._care(
                self._retire_idle, self._record_refusals, self._end_retired, self._tell, self._prepare, self._clean
            )

    def _care(self, *duties: Callable[[], None]) -> None:
        for duty in duties:
            try:
                duty()
            except (OSError, TrabeculaError) as error:
                log.error("journal.failed", kind=type(error).__name__)

    def _retire_idle(self) -> None:
        """End what was not used for a while, or has failed, so that the registrar can remove it."""
        with self._lock:
            current = self._current
            if current is None or not (current.failed or not current.is_empty):
                return
            if current.failed or since_boot() - self._used_at > self.options.idle_seconds:
                self._retired.append(current)
                self._current = None

    def _record_refusals(self) -> None:
        for refused in self._refusals.take_put_off():
            self.keep_refusal(refused)

    def _end_retired(self) -> None:
        with self._lock:
            retired, self._retired = self._retired, []
        for segment in retired:
            ended = False
            with contextlib.suppress(OSError):
                ended = segment.close(segment.path.with_suffix(f".{SegmentState.SEALED}"))
            if not ended:
                with self._lock:
                    self._retired.append(segment)

    def _tell(self) -> None:
        self._used_bytes = self.folder.used_bytes()
        with self._lock:
            clear_until = since_boot()
            for segment in (self._current, *self._retired, *self._large):
                if segment is not None:
                    clear_until = min([clear_until, *segment.stamps()])
        self.folder.tell(ListenerStatus(boot_id=self._boot_id, clear_until=clear_until))

    def _clean(self) -> None:
        with self._taking:
            self._spares.care(self._is_quiet)

    def _is_quiet(self) -> bool:
        return not self._stopping and since_boot() - self._used_at > _QUIET_SECONDS

    def _prepare(self) -> None:
        with self._lock:
            if self._spare is not None or self._current is None or self._stopping:
                return
        spare = self._make(self.options.segment_bytes)
        with self._lock:
            self._spare = spare
