"""The registrar's work: from a journal's records to files and rows, batch after batch, and how far it is."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from trabecula.domain.errors import DatabaseRefused, TrabeculaError
from trabecula.domain.errors_of.reception import JournalDamaged, RegistrationRefused
from trabecula.domain.ports.reception import ReceptionRegister
from trabecula.domain.study.reception import ListenerStanding, Reception, ReceptionBatch, RefusedInstance
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.intake.journal.entries import commitment_of, instance_of, payload_sha256, refusal_of
from trabecula.intake.journal.folder import JournalFolder, SegmentFile, SegmentState, boot_id, since_boot
from trabecula.intake.journal.format import NotASegment, RecordHead, RecordKind
from trabecula.intake.journal.reader import Found, SegmentReader
from trabecula.intake.storage.placing import Arrival, Placer
from trabecula.intake.storage.spool import Spool

log = structlog.get_logger(__name__)

_BATCH_RECORDS = 128
_BATCH_BYTES = 32 << 20
_PROCESSING_FAILURE = 0x0110


@dataclass(frozen=True, kw_only=True)
class FollowOptions:
    """How often the journal is looked at, how long records gather for a batch, and when to speak or to pause.

    The listener's standing is published at least every ``publish_seconds``. Told to end, the registrar waits
    ``patience_seconds`` for its listener to end first.
    """

    look_seconds: float = 0.05
    gather_seconds: float = 0.1
    publish_seconds: float = 0.5
    pause_seconds: float = 1.0
    longest_pause_seconds: float = 15.0
    patience_seconds: float = 20.0


@dataclass
class _Followed:
    """A segment in work: its reader, what is read and not registered, and the number up to which all is done."""

    segment: SegmentFile
    reader: SegmentReader
    waiting: deque[Found] = field(default_factory=deque)
    done: int = 0
    ended: bool = False
    damaged: bool = False


class JournalFollower:
    """Turns the records of one journal into files and rows, in their order; one thread."""

    def __init__(
        self,
        folder: JournalFolder,
        spool: Spool,
        register: ReceptionRegister,
        name: str = "",
        options: FollowOptions | None = None,
    ) -> None:
        """``name`` is what people call this listener: host and AE title."""
        self._folder = folder
        self._register = register
        self._name = name or os.uname().nodename
        self._options = options or FollowOptions()
        self._placer = Placer(spool, register.knows)
        self._followed: dict[str, _Followed] = {}
        self._unreadable: set[str] = set()
        self._boot_id = boot_id()
        self._published_at = -1e9
        self._stumbled = False

    def run(self, ended: threading.Event) -> None:
        """Follow until ``ended`` is set and, where no listener runs any more, nothing is left."""
        pause = self._options.pause_seconds
        leave_at = float("inf")
        while time.monotonic() < leave_at:
            if ended.is_set() and leave_at == float("inf"):
                leave_at = time.monotonic() + self._options.patience_seconds
            last = ended.is_set() and self._folder.without_listener()
            try:
                moved = self.step()
                pause = self._options.pause_seconds
                if last and not moved:
                    self._publish(self._host_time(since_boot()), ended=True)
                    return
            except (TrabeculaError, OSError) as error:
                reason = error.sentence if isinstance(error, TrabeculaError) else str(error.strerror)
                log.warning("registrar.paused", kind=type(error).__name__, reason=reason, seconds=pause)
                if ended.is_set():
                    return  # what is left stays in the journal
                ended.wait(pause)
                pause = min(2 * pause, self._options.longest_pause_seconds)
                continue
            # Few large batches: each costs the disk two syncs, for which the listener's own would wait.
            time.sleep(self._options.gather_seconds if moved else self._options.look_seconds)

    def step(self) -> int:
        """Register what can be read now; return how many records. Raises DatabaseUnavailable, SpoolUnavailable."""
        clear_until = self._clear_until()
        if self._stumbled:
            self._register.registered([])  # no files for a ledger that is still away
        self._stumbled = True
        count = self._pass()
        self._stumbled = False
        if self._options.publish_seconds <= time.monotonic() - self._published_at or (count and not self._backlog()):
            self._publish(min([clear_until, *self._oldest_waiting()]))
        return count

    def _pass(self) -> int:
        """Go through every segment once."""
        count = 0
        present = self._folder.segments()
        for segment in present:
            followed = self._opened(segment)
            if followed is None:
                continue
            self._read(followed, segment)
            while followed.waiting:
                count += self._register_some(followed)
                if time.monotonic() - self._published_at >= self._options.publish_seconds:
                    self._publish(min(self._oldest_waiting(), default=self._host_time(since_boot())))
            if followed.ended:
                self._remove(followed)
        return count

    def _opened(self, segment: SegmentFile) -> _Followed | None:
        key = segment.path.stem
        if key in self._followed or key in self._unreadable:
            return self._followed.get(key)
        try:
            followed = _Followed(segment, SegmentReader(segment))
        except FileNotFoundError:
            return None  # given up or renamed since it was listed
        except NotASegment:
            if segment.state is not SegmentState.OPEN:
                self._set_aside(segment)
                self._unreadable.add(key)
            return None
        uid = followed.reader.head.segment_uid
        followed.done = self._register.registered([uid]).get(uid, 0)
        self._followed[key] = followed
        return followed

    def _set_aside(self, segment: SegmentFile) -> None:
        """A segment without a readable head: one whose making was cut off holds nothing, any other is kept."""
        with segment.path.open("rb") as file:
            empty = not any(any(part) for part in iter(lambda: file.read(1 << 20), b""))
        if empty:
            segment.path.unlink(missing_ok=True)
            return
        log.error("journal.damaged", segment=segment.path.name, code=JournalDamaged.code, reason="its head is gone")
        self._folder.keep_damaged(segment)

    def _read(self, followed: _Followed, segment: SegmentFile) -> None:
        if followed.ended:
            return
        followed.segment = segment
        reading = followed.reader.read(segment.state)
        followed.waiting += [item for item in reading.found if item.head.sequence >= followed.done]
        followed.ended = reading.ended
        for number in reading.lost:
            if number >= followed.done:
                followed.damaged = True
                log.error("journal.damaged", segment=segment.path.name, record=number, code=JournalDamaged.code)

    def _register_some(self, followed: _Followed) -> int:
        """Register the next batch of a segment, and drop it from what waits only then."""
        batch = _next_batch(followed.waiting)
        deleted = self._deleted_studies(batch)
        kept = [item for item in batch if _study_of(item) not in deleted] if deleted else batch
        arrivals = [item for item in kept if item.head.kind is RecordKind.INSTANCE]
        placed = self._placer.place([self._arrival(followed, item) for item in arrivals])
        entries: list[tuple[int, Reception]] = []
        for item, instances in zip(arrivals, placed.entries, strict=True):
            entries += [(item.head.sequence, instance) for instance in instances or self._lost(followed, item)]
        for item in kept:
            if item.head.kind is not RecordKind.INSTANCE:
                entries += [(item.head.sequence, entry) for entry in self._small(followed, item)]
        entries.sort(key=lambda entry: entry[0])
        try:
            self._commit_all(followed, batch, entries)
            placed.close()
        finally:
            placed.discard()
        for _ in batch:
            followed.waiting.popleft()
        return len(batch)

    def _deleted_studies(self, batch: list[Found]) -> frozenset[StudyUid]:
        """Return the studies of a batch that were deleted for good; a file that an earlier try left of one goes."""
        images: Counter[StudyUid] = Counter()
        for item in batch:
            if item.head.kind in (RecordKind.INSTANCE, RecordKind.REFUSAL):
                images[_study_of(item)] += item.head.kind is RecordKind.INSTANCE
        deleted = self._register.turn_away(images) if images else frozenset()
        for item in batch if deleted else ():
            if item.head.kind is RecordKind.INSTANCE and _study_of(item) in deleted:
                self._placer.forget(InstanceUid(str(item.head.facts.get("sop_instance", ""))))
        return deleted

    def _commit_all(self, followed: _Followed, batch: list[Found], entries: list[tuple[int, Reception]]) -> None:
        """Register a batch; where the ledger refuses it, record by record."""
        try:
            self._commit(followed, entries, batch[-1].head.sequence + 1)
        except DatabaseRefused as error:
            log.error("registrar.refused", code=error.code, reason=error.sentence, records=len(entries))
            for item in batch:
                self._commit_one(followed, item, [entry for entry in entries if entry[0] == item.head.sequence])

    def _arrival(self, followed: _Followed, item: Found) -> Arrival:
        instance = instance_of(item.head, self._time_of(followed, item.head))
        return Arrival(instance, functools.partial(followed.reader.copy, item))

    def _small(self, followed: _Followed, item: Found) -> tuple[Reception, ...]:
        """Return what a record without a file says."""
        if item.head.kind is RecordKind.REFUSAL:
            return (refusal_of(item.head, self._time_of(followed, item.head)),)
        content = followed.reader.payload(item)
        if hashlib.sha256(content).hexdigest() != payload_sha256(item.head):
            return self._lost(followed, item)
        return (commitment_of(content),)

    def _commit_one(self, followed: _Followed, item: Found, one: list[tuple[int, Reception]]) -> None:
        """Register the entries of one record; what the ledger refuses goes to quarantine, never away."""
        number = item.head.sequence
        try:
            self._commit(followed, one, number + 1)
        except DatabaseRefused as refusal:
            if item.head.kind is not RecordKind.INSTANCE:
                raise
            placed = self._placer.quarantine(self._arrival(followed, item), RegistrationRefused(refusal.detail))
            try:
                (instances,) = placed.entries
                self._commit(followed, [(number, instance) for instance in instances], number + 1)
                placed.close()
            finally:
                placed.discard()

    def _commit(self, followed: _Followed, entries: list[tuple[int, Reception]], next_sequence: int) -> None:
        self._register.register_batch(
            ReceptionBatch(
                journal_uid=self._folder.journal_uid,
                segment_uid=followed.reader.head.segment_uid,
                entries=tuple(entries),
                next_sequence=next_sequence,
            )
        )
        followed.done = next_sequence

    def _lost(self, followed: _Followed, item: Found) -> tuple[Reception, ...]:
        """A record whose bytes are not those that came: torn when the power went, or damaged after it was acknowledged.

        Damage is told to the log and to the study, as an image that did not come.
        """
        head, name = item.head, followed.segment.path.name
        if followed.segment.state is SegmentState.CUT and head.sequence >= followed.reader.settled:
            log.info("journal.torn", segment=name, record=head.sequence)
            return ()
        followed.damaged = True
        study_uid = str(head.facts.get("study", ""))
        log.error("journal.damaged", segment=name, record=head.sequence, code=JournalDamaged.code, study_uid=study_uid)
        if head.kind is not RecordKind.INSTANCE:
            return ()
        instance = instance_of(head, self._time_of(followed, head))
        refused = RefusedInstance(
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            study_uid=instance.study_uid,
            series_uid=instance.series_uid,
            status=_PROCESSING_FAILURE,
            code=JournalDamaged.code,
            calling_ae_title=instance.calling_ae_title,
            association_id=instance.association_id,
            refused_at=instance.received_at,
        )
        return (refused,)

    def _remove(self, followed: _Followed) -> None:
        """Everything of the segment has its rows: the journal's copy goes."""
        followed.reader.close()
        del self._followed[followed.segment.path.stem]
        with contextlib.suppress(FileNotFoundError):
            if followed.damaged:
                self._folder.keep_damaged(followed.segment)
            else:
                self._folder.release(followed.segment)
        self._register.forget(followed.reader.head.segment_uid)

    def _backlog(self) -> bool:
        return any(followed.waiting for followed in self._followed.values())

    def _oldest_waiting(self) -> list[datetime]:
        """Return when the oldest unregistered record of each segment came."""
        return [
            self._time_of(followed, followed.waiting[0].head)
            for followed in self._followed.values()
            if followed.waiting
        ]

    def _clear_until(self) -> datetime:
        """Return until when everything that came can be read now; asked before the segments are looked at."""
        now = since_boot()
        if self._folder.without_listener():
            return self._host_time(now)
        status = self._folder.status()
        return self._host_time(min(now, status.clear_until)) if status else datetime.fromtimestamp(0, UTC)

    def _time_of(self, followed: _Followed, head: RecordHead) -> datetime:
        """Return when a record was made, on the host's clock as it is set now.

        The age is counted by the clock that nobody can set, unless the host was booted since.
        """
        if followed.reader.head.boot_id == self._boot_id and "boottime" in head.facts:
            return self._host_time(float(head.facts["boottime"]))
        return datetime.fromisoformat(str(head.facts["received_at"]))

    def _host_time(self, seconds_since_boot: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=max(0.0, since_boot() - seconds_since_boot))

    def _publish(self, registered_until: datetime, *, ended: bool = False) -> None:
        self._register.publish(
            ListenerStanding(
                journal_uid=self._folder.journal_uid,
                name=self._name,
                registered_until=registered_until,
                backlog_bytes=self._folder.used_bytes() if self._backlog() else 0,
                ended=ended,
            )
        )
        self._published_at = time.monotonic()


def _study_of(item: Found) -> StudyUid:
    """Return the study that a record of an instance or of a refusal names, "" where it names none."""
    return StudyUid(str(item.head.facts.get("study", "")))


def _next_batch(waiting: deque[Found]) -> list[Found]:
    batch: list[Found] = []
    size = 0
    for item in waiting:
        size += item.head.payload_bytes
        if batch and (len(batch) >= _BATCH_RECORDS or size > _BATCH_BYTES):
            break
        batch.append(item)
    return batch


__all__ = ["FollowOptions", "JournalFollower"]
