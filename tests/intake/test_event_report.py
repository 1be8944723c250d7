from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role
from pynetdicom.presentation import build_context

from tests.builders import encoded_plain, uid
from tests.intake.conftest import Running, after_row
from tests.intake.test_listener import FailingRegistrar
from trabecula.domain.errors import DatabaseUnavailable
from trabecula.intake.event_report import EventReportSink
from trabecula.intake.upper_layer.command import Command, DimseStatus
from trabecula.testing import MemoryRegistrar

PUSH = "1.2.840.10008.1.20.1"


def _report(transaction_uid: str) -> Dataset:
    report = Dataset()
    report.TransactionUID = transaction_uid
    kept, lost = Dataset(), Dataset()
    kept.ReferencedSOPClassUID = lost.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    kept.ReferencedSOPInstanceUID = uid(1)
    lost.ReferencedSOPInstanceUID = uid(2)
    lost.FailureReason = 0x0112
    report.ReferencedSOPSequence = [kept]
    report.FailedSOPSequence = [lost]
    return report


def _send(port: int, report: Dataset) -> int:
    """Report as an archive does: over an association of its own, in the SCP role."""
    entity = AE(ae_title="PACS")
    association = entity.associate(
        "127.0.0.1",
        port,
        [build_context(PUSH, [ExplicitVRLittleEndian])],
        ae_title="TRABECULA",
        ext_neg=[build_role(PUSH, scp_role=True)],
    )
    assert association.is_established
    status, _ = association.send_n_event_report(report, 2, PUSH, f"{PUSH}.1")
    association.release()
    return int(status.Status)


def test_a_report_over_a_new_association_reaches_the_registrar(running: Running) -> None:
    status = _send(running.port, _report(uid(7)))

    assert status == 0x0000
    assert running.registrar.commitments == {uid(7): {uid(1): True, uid(2): False}}


def test_a_destination_that_may_send_no_image_may_bring_its_answer(start: Callable[..., Running]) -> None:
    running = start(calling_ae_titles=frozenset({"CT"}), committing_ae_titles=frozenset({"PACS"}))
    entity = AE(ae_title="PACS")
    entity.add_requested_context("1.2.840.10008.5.1.4.1.1.2")

    association = entity.associate("127.0.0.1", running.port, ae_title="TRABECULA")

    assert association.accepted_contexts == []
    assert _send(running.port, _report(uid(7))) == 0x0000


@after_row
def test_without_a_ledger_the_archive_hears_that_it_should_report_again(start: Callable[..., Running]) -> None:
    registrar = FailingRegistrar(DatabaseUnavailable("gone"))
    running = start(registrar)

    refused = _send(running.port, _report(uid(7)))
    registrar.failure = None
    accepted = _send(running.port, _report(uid(7)))

    assert (refused, accepted) == (0x0110, 0x0000)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_both_encodings(syntax: str) -> None:
    registrar = MemoryRegistrar()
    sink = EventReportSink(registrar, Command(field=0x0100, message_id=1, has_data_set=True, event_type=2), syntax)
    content = encoded_plain(_report(uid(8)), syntax)
    sink.write(memoryview(content[:10]))
    sink.write(memoryview(content[10:]))

    assert sink.finish() == (DimseStatus.SUCCESS, "")
    assert registrar.commitments == {uid(8): {uid(1): True, uid(2): False}}


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", bytes(100)])
def test_an_unreadable_report_is_an_invalid_argument(content: bytes) -> None:
    registrar = MemoryRegistrar()
    sink = EventReportSink(registrar, Command(field=0x0100, message_id=1, has_data_set=True), ExplicitVRLittleEndian)
    sink.write(memoryview(content))

    assert sink.finish()[0] is DimseStatus.INVALID_ARGUMENT
    assert registrar.commitments == {}


def test_an_endless_report_is_not_collected() -> None:
    sink = EventReportSink(
        MemoryRegistrar(), Command(field=0x0100, message_id=1, has_data_set=True), ExplicitVRLittleEndian
    )
    for _ in range(20):
        sink.write(memoryview(bytes(1 << 20)))

    assert sink.finish()[0] is DimseStatus.PROCESSING_FAILURE
