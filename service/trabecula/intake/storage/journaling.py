"""One C-STORE with the journal as the promise: bytes and record synced together, then success; rows follow."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from trabecula.domain.errors import InstanceUnparsable, SpoolUnavailable, TrabeculaError
from trabecula.domain.sop_classes import is_wanted, is_wanted_class
from trabecula.domain.study.reception import CommitmentAnswer, RefusedInstance
from trabecula.domain.study.study import ReceivedInstance
from trabecula.intake.admission import DiskWatermark
from trabecula.intake.journal.entries import payload_of_commitment
from trabecula.intake.journal.segment import OpenSegment
from trabecula.intake.journal.writer import LARGE_OFFSET, Journal
from trabecula.intake.storage.head import DataSetHead
from trabecula.intake.storage.identity import StatedInstance, identified_head
from trabecula.intake.storage.part10 import file_head
from trabecula.intake.storage.service import DataSink, DiscardingSink, Origin, refusal
from trabecula.intake.storage.spool import as_spool_error
from trabecula.intake.upper_layer.command import Command, DimseStatus

LARGE_BYTES = 1 << 20
"""A file longer than this does not wait in memory: it gets a segment of its own and is written as it comes."""
_HEAD_BYTES = 1 << 16
_FEW = 8
"""Buffers that are kept for the next instance."""

log = structlog.get_logger(__name__)


class JournalCommitments:
    """Records storage commitment answers in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Return when the answer is on stable storage. Raises SpoolUnavailable."""
        payload = payload_of_commitment(CommitmentAnswer(transaction_uid, committed))
        self._journal.keep_commitment(payload, hashlib.sha256(payload).hexdigest())


class JournalStoreService:
    """Answers C-STORE: success only after bytes and record are on this host's stable storage. Thread-safe."""

    def __init__(self, journal: Journal, watermark: DiskWatermark) -> None:
        self.journal = journal
        self.registrar = JournalCommitments(journal)
        self._watermark = watermark
        self._buffers: deque[bytearray] = deque(maxlen=_FEW)

    def begin(self, command: Command, transfer_syntax_uid: str, origin: Origin) -> DataSink:
        """Return the sink for one request's data set; never raises a TrabeculaError."""
        if not is_wanted_class(command.sop_class_uid):
            log.debug("instance.dropped", sop_class=command.sop_class_uid)
            return DiscardingSink(DimseStatus.SUCCESS)
        storing = JournalStoring(self, command, transfer_syntax_uid, origin)
        try:
            self._watermark.check()
            self.journal.check()
        except TrabeculaError as error:
            storing.refuse(error)
        return storing

    def take_buffer(self) -> bytearray:
        """Return room for one instance."""
        try:
            return self._buffers.pop()
        except IndexError:
            return bytearray(LARGE_BYTES)

    def give_buffer(self, buffer: bytearray) -> None:
        """Let the next instance use it."""
        self._buffers.append(buffer)


class JournalStoring:
    """The sink of one wanted instance: in memory while it is small, in a segment of its own beyond."""

    def __init__(self, service: JournalStoreService, command: Command, syntax: str, origin: Origin) -> None:
        self._service = service
        self._stated = StatedInstance(command.sop_class_uid, command.sop_instance_uid, syntax)
        self._origin = origin
        self._failure: TrabeculaError | None = None
        self._buffer = service.take_buffer()
        self._buffered = 0
        self._size = 0
        self._large: OpenSegment | None = None
        self._digest = hashlib.sha256()
        head = file_head(command.sop_class_uid, command.sop_instance_uid, syntax)
        self._offset = len(head)
        self.write(memoryview(head))

    def refuse(self, error: TrabeculaError) -> None:
        """Take no more than the head, and answer so."""
        self._failure = error

    def write(self, data: memoryview) -> None:
        """Append to what came; after a failure only the head is kept, which names the study."""
        length = len(data)
        if self._failure is not None:
            data = data[: max(0, _HEAD_BYTES - self._size)]
            if self._large is None:
                self._buffer[self._size : self._size + len(data)] = data
                self._buffered = self._size = self._size + len(data)
            return
        self._digest.update(data)
        if self._large is None and self._size + length <= LARGE_BYTES:
            self._buffer[self._size : self._size + length] = data
            self._buffered = self._size + length
        else:
            self._write_large(data)
        self._size += length

    def finish(self) -> tuple[DimseStatus, str]:
        """Keep it, or record that it was refused, and answer."""
        try:
            if self._failure is not None:
                raise self._failure
            self._keep()
        except TrabeculaError as error:
            return self._refused(error)
        finally:
            self._end()
        return DimseStatus.SUCCESS, ""

    def abandon(self) -> None:
        """Forget it; it was never acknowledged."""
        self._end()

    def _keep(self) -> None:
        fault = ""
        try:
            head = identified_head(self._stated, self._size - self._offset, self._beginning)
        except InstanceUnparsable as error:
            head, fault = DataSetHead(), f"{error.code}: {error.sentence}"
        if not fault and not is_wanted(self._stated.sop_class_uid, head.manufacturer):
            log.debug("instance.dropped_as_ours", sop_class=self._stated.sop_class_uid)
            return
        instance = ReceivedInstance(
            sop_class_uid=self._stated.sop_class_uid,
            sop_instance_uid=self._stated.sop_instance_uid,
            transfer_syntax_uid=self._stated.transfer_syntax_uid,
            study_uid=head.study_uid,
            series_uid=head.series_uid,
            spool_key="",
            size_bytes=self._size,
            sha256=self._digest.hexdigest(),
            calling_ae_title=self._origin.calling_ae_title,
            association_id=self._origin.association_id,
            received_at=datetime.now(UTC),
            fault=fault,
        )
        if self._large is None:
            self._service.journal.keep_instance(instance, [memoryview(self._buffer)[: self._size]])
        else:
            large, self._large = self._large, None
            self._service.journal.keep_large(large, instance)
        if head.study_uid:
            self._origin.brought(head.study_uid)
        log.debug("instance.stored", size_bytes=self._size)

    def _refused(self, error: TrabeculaError) -> tuple[DimseStatus, str]:
        """Record the refusal, with the study where the head tells it."""
        answer = refusal(error)
        try:
            head = identified_head(self._stated, max(1, self._size - self._offset), self._beginning)
        except (InstanceUnparsable, SpoolUnavailable):
            head = DataSetHead()
        if head == DataSetHead() or is_wanted(self._stated.sop_class_uid, head.manufacturer):
            self._service.journal.keep_refusal(
                RefusedInstance(
                    sop_class_uid=self._stated.sop_class_uid,
                    sop_instance_uid=self._stated.sop_instance_uid,
                    study_uid=head.study_uid,
                    series_uid=head.series_uid,
                    status=answer.status,
                    code=error.code,
                    calling_ae_title=self._origin.calling_ae_title,
                    association_id=self._origin.association_id,
                    refused_at=datetime.now(UTC),
                )
            )
        return answer.finish()

    def _beginning(self, count: int) -> bytes:
        """Return up to ``count`` bytes of the data set."""
        end = min(self._offset + count, self._size)
        if end <= self._buffered or self._large is None:
            return bytes(memoryview(self._buffer)[self._offset : min(end, self._buffered)])
        with as_spool_error():
            return os.pread(self._large.descriptor, end - self._offset, LARGE_OFFSET + self._offset)

    def _write_large(self, data: memoryview) -> None:
        try:
            with as_spool_error():
                if self._large is None:
                    self._large = self._service.journal.begin_large()
                    self._large.write_ahead(memoryview(self._buffer)[: self._size], LARGE_OFFSET)
                self._large.write_ahead(data, LARGE_OFFSET + self._size)
        except TrabeculaError as error:
            self._failure = error

    def _end(self) -> None:
        large, self._large = self._large, None
        if large is not None:
            self._service.journal.drop_large(large)
        if len(self._buffer):
            self._service.give_buffer(self._buffer)
            self._buffer = bytearray()
