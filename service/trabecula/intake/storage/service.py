"""One C-STORE from its first byte to its answer: bytes aside, head read, kept or quarantined, registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from trabecula.domain.errors import InstanceConflict, InstanceUnparsable, StorageFull, TrabeculaError
from trabecula.domain.ports.registrar import Registrar
from trabecula.domain.sop_classes import is_wanted, is_wanted_class
from trabecula.domain.study.study import ReceivedInstance
from trabecula.intake.admission import DiskWatermark
from trabecula.intake.storage.head import DataSetHead
from trabecula.intake.storage.identity import StatedInstance, identified_head, read_again
from trabecula.intake.storage.part10 import file_head
from trabecula.intake.storage.spool import Incoming, Kept, KeptFile, Spool
from trabecula.intake.upper_layer.command import Command, DimseStatus

_STUDIES_TOLD = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Origin:
    """The association an instance came over; ``studies`` gathers the first few it brought images of, for its log."""

    calling_ae_title: str
    association_id: str
    studies: set[str] = field(default_factory=set, compare=False)

    def brought(self, study_uid: str) -> None:
        """Note that an image of a study came."""
        if len(self.studies) < _STUDIES_TOLD:
            self.studies.add(study_uid)


class CommitmentRecorder(Protocol):
    """Keeps storage commitment answers durably."""

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Record an answer per SOP Instance UID. Raises DatabaseUnavailable, SpoolUnavailable."""
        ...


class Storage(Protocol):
    """What an association needs of the side that keeps."""

    @property
    def registrar(self) -> CommitmentRecorder:
        """Where storage commitment answers go."""
        ...

    def begin(self, command: Command, transfer_syntax_uid: str, origin: Origin) -> DataSink:
        """Return the sink for one request's data set; never raises a TrabeculaError."""
        ...


class DataSink(Protocol):
    """Takes the data set of one request, fragment by fragment, and answers it."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes; never raises."""
        ...

    def finish(self) -> tuple[DimseStatus, str]:
        """The data set is whole: return status and error comment; never raises a TrabeculaError."""
        ...

    def abandon(self) -> None:
        """The association ended in the middle: forget everything."""
        ...


@dataclass
class DiscardingSink:
    """A sink that drops the bytes and gives one fixed answer."""

    status: DimseStatus
    comment: str = ""

    def write(self, data: memoryview) -> None:
        """Drop the bytes."""

    def finish(self) -> tuple[DimseStatus, str]:
        """Return the answer."""
        return self.status, self.comment

    def abandon(self) -> None:
        """Nothing is held."""


class StoreService:
    """Answers C-STORE: success only after bytes and name are on stable storage and the ledger row is committed."""

    def __init__(self, spool: Spool, registrar: Registrar, watermark: DiskWatermark) -> None:
        self.spool = spool
        self.registrar = registrar
        self._watermark = watermark

    def begin(self, command: Command, transfer_syntax_uid: str, origin: Origin) -> DataSink:
        """Return the sink for one request's data set; never raises a TrabeculaError."""
        if not is_wanted_class(command.sop_class_uid):
            log.debug("instance.dropped", sop_class=command.sop_class_uid)
            return DiscardingSink(DimseStatus.SUCCESS)
        try:
            self._watermark.check()
            return StorageSink(self, command, transfer_syntax_uid, origin)
        except TrabeculaError as error:
            return refusal(error)


class StorageSink:
    """The sink of one wanted instance."""

    def __init__(self, service: StoreService, command: Command, transfer_syntax_uid: str, origin: Origin) -> None:
        self._service = service
        self._command = command
        self._stated = StatedInstance(command.sop_class_uid, command.sop_instance_uid, transfer_syntax_uid)
        self._origin = origin
        self._failure: TrabeculaError | None = None
        self._incoming: Incoming = service.spool.receive()
        head = file_head(command.sop_class_uid, command.sop_instance_uid, transfer_syntax_uid)
        self._offset = len(head)
        self.write(memoryview(head))

    def write(self, data: memoryview) -> None:
        """Append to the file aside; after a failure drop the bytes, the answer will say so."""
        if self._failure is not None:
            return
        try:
            self._incoming.write(data)
        except TrabeculaError as error:
            self._failure = error

    def finish(self) -> tuple[DimseStatus, str]:
        """Keep or quarantine, register, answer."""
        try:
            if self._failure is not None:
                raise self._failure
            self._settle()
        except TrabeculaError as error:
            return refusal(error).finish()
        finally:
            self._incoming.discard()
        return DimseStatus.SUCCESS, ""

    def abandon(self) -> None:
        """Drop the unfinished file; it was never acknowledged."""
        self._incoming.discard()

    def _settle(self) -> None:
        try:
            size = self._incoming.size_bytes - self._offset
            head = identified_head(self._stated, size, lambda count: self._incoming.beginning(self._offset, count))
        except InstanceUnparsable as error:
            self._quarantine(DataSetHead(), error)
            return
        if not is_wanted(self._command.sop_class_uid, head.manufacturer):
            log.debug("instance.dropped_as_ours", sop_class=self._command.sop_class_uid)
            return
        if self._service.registrar.turn_away({head.study_uid: 1}):
            return
        self._origin.brought(head.study_uid)
        kept = self._incoming.keep(self._command.sop_instance_uid)
        if kept.outcome is Kept.CONFLICT:
            self._register_first_copy(kept)
            self._quarantine(head, InstanceConflict())
            return
        # Also for a repetition: an earlier attempt may have been stopped between file and row.
        new = self._service.registrar.register(self._received(self._stated, head, kept))
        log.debug("instance.stored", new=new, size_bytes=kept.size_bytes)

    def _register_first_copy(self, kept: KeptFile) -> None:
        """An earlier attempt may have been stopped between file and row: then the row is made from that file."""
        if not self._service.registrar.knows(self._command.sop_instance_uid):
            stated, head = read_again(self._service.spool.path(kept.key))
            self._service.registrar.register(self._received(stated, head, kept))

    def _quarantine(self, head: DataSetHead, error: TrabeculaError) -> None:
        kept = self._incoming.quarantine()
        fault = f"{error.code}: {error.sentence}"
        self._service.registrar.register(replace(self._received(self._stated, head, kept), fault=fault))
        # An operator may have deleted the same bytes between file and row.
        self._incoming.quarantine()
        log.warning("instance.quarantined", code=error.code, reason=error.sentence, key=kept.key)

    def _received(self, stated: StatedInstance, head: DataSetHead, kept: KeptFile) -> ReceivedInstance:
        return ReceivedInstance(
            sop_class_uid=stated.sop_class_uid,
            sop_instance_uid=stated.sop_instance_uid,
            transfer_syntax_uid=stated.transfer_syntax_uid,
            study_uid=head.study_uid,
            series_uid=head.series_uid,
            spool_key=kept.key,
            size_bytes=kept.size_bytes,
            sha256=kept.sha256,
            calling_ae_title=self._origin.calling_ae_title,
            association_id=self._origin.association_id,
            received_at=datetime.now(UTC),
        )


def refusal(error: TrabeculaError) -> DiscardingSink:
    """Return the sink that answers an error, and log it."""
    level = log.warning if isinstance(error, StorageFull) else log.error
    level("instance.refused", code=error.code, reason=error.sentence, next_step=error.next_step)
    status = (
        DimseStatus.OUT_OF_RESOURCES
        if error.dimse_status == DimseStatus.OUT_OF_RESOURCES
        else DimseStatus.PROCESSING_FAILURE
    )
    return DiscardingSink(status, error.code)
