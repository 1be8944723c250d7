"""Storage commitment answers that come as N-EVENT-REPORT (PS3.4 J.3.3), read and handed to the registrar."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

import structlog

from trabecula.domain.errors import TrabeculaError
from trabecula.domain.uids import NO_INSTANCE
from trabecula.intake.storage.part10 import file_head
from trabecula.intake.storage.service import CommitmentRecorder
from trabecula.intake.upper_layer.command import Command, DimseStatus

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_MAX_BYTES = 1 << 24
"""A report names each object in about 120 bytes; this is room for more than 100,000."""

log = structlog.get_logger(__name__)


class EventReportSink:
    """The sink of one N-EVENT-REPORT."""

    def __init__(self, registrar: CommitmentRecorder, command: Command, transfer_syntax_uid: str) -> None:
        self._registrar = registrar
        self._command = command
        self._transfer_syntax_uid = transfer_syntax_uid
        self._data = bytearray()
        self._too_long = False

    def write(self, data: memoryview) -> None:
        """Collect the report, up to a bound."""
        if len(self._data) + len(data) > _MAX_BYTES:
            self._too_long = True
            return
        self._data += data

    def finish(self) -> tuple[DimseStatus, str]:
        """Record what was committed; a failure status lets the archive try again."""
        if self._too_long:
            return DimseStatus.PROCESSING_FAILURE, "REPORT_TOO_LONG"
        answer = self._decoded()
        if answer is None:
            log.warning("commitment.malformed", event_type=self._command.event_type)
            return DimseStatus.INVALID_ARGUMENT, "NO_TRANSACTION_UID"
        transaction_uid, committed = answer
        try:
            self._registrar.commitment_answered(transaction_uid, committed)
        except TrabeculaError as error:
            log.error("commitment.refused", code=error.code, reason=error.sentence)
            return DimseStatus.PROCESSING_FAILURE, error.code
        log.info("commitment.answered", transaction=transaction_uid, objects=len(committed))
        return DimseStatus.SUCCESS, ""

    def abandon(self) -> None:
        """Nothing is held outside."""

    def _decoded(self) -> tuple[str, Mapping[str, bool]] | None:
        from pydicom import dcmread  # most listeners never get one, and it brings numpy along

        head = file_head("", NO_INSTANCE, self._transfer_syntax_uid)
        try:
            report = dcmread(BytesIO(head + bytes(self._data)), force=True)
            transaction_uid = str(report.get("TransactionUID", ""))
            committed = _committed(report)
        except Exception as error:  # noqa: BLE001 - pydicom raises whatever foreign bytes provoke
            log.debug("commitment.not_decoded", kind=type(error).__name__)
            return None
        return (transaction_uid, committed) if transaction_uid else None


def _committed(report: Dataset) -> Mapping[str, bool]:
    answers = {str(item.ReferencedSOPInstanceUID): True for item in report.get("ReferencedSOPSequence") or ()}
    for item in report.get("FailedSOPSequence") or ():
        answers[str(item.ReferencedSOPInstanceUID)] = False
    return answers
