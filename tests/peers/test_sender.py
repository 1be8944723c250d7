"""C-STORE and C-ECHO to real destinations: what arrives, and what every kind of answer becomes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest
from pydicom import dcmread
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import evt

from tests.builders import document, image, uid, without_head
from tests.peers.conftest import QUICK, Storescp, result_object
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import AssociationRejected, DestinationUnreachable, SopClassRefused
from trabecula.domain.results.result import ObjectKind
from trabecula.peers.sender import StoreSender

VERIFICATION = "1.2.840.10008.1.1"


def _report_in_three_classes() -> tuple[object, object, object]:
    return (
        document(sop_class=Comprehensive3DSRStorage, number=1),
        document(sop_class=ComprehensiveSRStorage, number=2),
        document(sop_class=EnhancedSRStorage, number=3),
    )


def _sender() -> StoreSender:
    return StoreSender("TRABECULA", QUICK)


def test_storescp_gets_everything_byte_for_byte(storescp: Callable[..., Storescp]) -> None:
    peer = storescp("+B")  # writes the data set exactly as received
    objects = [
        result_object(document(sop_class=Comprehensive3DSRStorage)),
        result_object(document(number=2, sop_class=SegmentationStorage), kind=ObjectKind.SEGMENTATION),
        result_object(image(series=902, sop_class=SecondaryCaptureImageStorage, rows=400), kind=ObjectKind.PICTURE),
    ]

    outcomes = _sender().send(peer.destination, objects)

    assert [(each.status, each.accepted) for each in outcomes] == [(0x0000, True)] * 3
    assert [each.sop_instance_uid for each in outcomes] == [each.sop_instance_uid for each in objects]
    contents = {str(dcmread(path).SOPInstanceUID): without_head(path.read_bytes()) for path in peer.received()}
    assert contents == {each.sop_instance_uid: without_head(each.content) for each in objects}


def test_a_peer_of_implicit_vr_only_gets_it_in_that(storescp: Callable[..., Storescp]) -> None:
    peer = storescp("+xi")

    (outcome,) = _sender().send(peer.destination, [result_object(document(sop_class=EnhancedSRStorage))])

    assert outcome.status == 0
    (path,) = peer.received()
    assert dcmread(path).StudyInstanceUID == uid(1)
    assert dcmread(path).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"


@pytest.mark.parametrize(
    ("accepted", "went_as"),
    [
        ([Comprehensive3DSRStorage, ComprehensiveSRStorage], uid(1, 900, 1)),
        ([ComprehensiveSRStorage, EnhancedSRStorage], uid(1, 900, 2)),
        ([EnhancedSRStorage], uid(1, 900, 3)),
    ],
)
def test_the_report_falls_back_to_what_the_peer_accepts(
    receiver: Callable[..., Destination], accepted: list[str], went_as: str
) -> None:
    stored: list[str] = []

    def store(event: evt.Event) -> int:
        stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    destination = receiver(accepted, [(evt.EVT_C_STORE, store)])

    (outcome,) = _sender().send(destination, [result_object(*_report_in_three_classes())])

    assert stored == [went_as]
    assert (outcome.sop_instance_uid, outcome.status) == (went_as, 0)


def test_a_class_that_is_refused_only_in_the_answer_falls_back_too(receiver: Callable[..., Destination]) -> None:
    def store(event: evt.Event) -> int:
        return 0x0122 if event.request.AffectedSOPClassUID == Comprehensive3DSRStorage else 0x0000

    destination = receiver([Comprehensive3DSRStorage, EnhancedSRStorage], [(evt.EVT_C_STORE, store)])

    (outcome,) = _sender().send(destination, [result_object(*_report_in_three_classes())])

    assert (outcome.sop_class_uid, outcome.status) == (EnhancedSRStorage, 0)


@pytest.mark.parametrize("also", [[], [VERIFICATION]])
def test_no_accepted_class_is_an_outcome(receiver: Callable[..., Destination], also: list[str]) -> None:
    destination = receiver([SegmentationStorage, *also], [])

    (outcome,) = _sender().send(destination, [result_object(document(sop_class=EnhancedSRStorage))])

    assert (outcome.status, outcome.accepted) == (0x0122, False)


@pytest.mark.parametrize(
    ("status", "accepted"), [(0xB000, True), (0xB007, True), (0xA700, False), (0x0110, False), (0xC000, False)]
)
def test_the_status_word_of_every_object_is_told(
    receiver: Callable[..., Destination], status: int, accepted: bool
) -> None:
    answers = iter([status, 0x0000])
    destination = receiver([EnhancedSRStorage], [(evt.EVT_C_STORE, lambda event: next(answers))])
    objects = [result_object(document(number=number, sop_class=EnhancedSRStorage)) for number in (1, 2)]

    outcomes = _sender().send(destination, objects)

    assert [each.status for each in outcomes] == [status, 0x0000]
    assert [each.accepted for each in outcomes] == [accepted, True]


def test_nothing_to_send_is_no_association() -> None:
    assert _sender().send(Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=1), []) == ()


def test_an_unreachable_destination(free_port: Callable[[], int]) -> None:
    destination = Destination(name="archive", ae_title="PACS", host="127.0.0.1", port=free_port())

    with pytest.raises(DestinationUnreachable) as error:
        _sender().send(destination, [result_object(document())])

    assert error.value.code == "DESTINATION_UNREACHABLE"
    assert f"archive (PACS@127.0.0.1:{destination.port})" in error.value.sentence
    assert "Check address, port and firewall" in error.value.next_step
    assert error.value.retryable


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(DestinationUnreachable, match=r"PACS@no-such-host\.invalid:104"):
        _sender().echo(Destination(name="pacs", ae_title="PACS", host="no-such-host.invalid", port=104))


def test_a_rejected_association(storescp: Callable[..., Storescp], receiver: Callable[..., Destination]) -> None:
    destination = receiver([EnhancedSRStorage, VERIFICATION], [], require_called_aet=True, ae_title="OTHER")

    with pytest.raises(AssociationRejected) as error:
        _sender().echo(destination)

    assert error.value.code == "ASSOCIATION_REJECTED"
    assert "for good" in error.value.sentence
    assert "Register our AE title" in error.value.next_step


def test_a_peer_that_does_not_answer_a_store(receiver: Callable[..., Destination]) -> None:
    release = threading.Event()

    def store(event: evt.Event) -> int:
        release.wait(20)
        return 0x0000

    destination = receiver([EnhancedSRStorage], [(evt.EVT_C_STORE, store)])
    try:
        with pytest.raises(DestinationUnreachable, match="did not answer a C-STORE"):
            _sender().send(destination, [result_object(document(sop_class=EnhancedSRStorage))])
    finally:
        release.set()


def test_a_peer_that_aborts_in_the_middle(receiver: Callable[..., Destination]) -> None:
    def store(event: evt.Event) -> int:
        event.assoc.abort()
        return 0x0000

    destination = receiver([EnhancedSRStorage], [(evt.EVT_C_STORE, store)])
    objects = [result_object(document(number=number, sop_class=EnhancedSRStorage)) for number in (1, 2)]

    with pytest.raises(DestinationUnreachable):
        _sender().send(destination, objects)


def test_a_peer_that_accepts_the_connection_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        destination = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=silent.getsockname()[1])

        with pytest.raises(DestinationUnreachable):
            _sender().echo(destination)


def test_echo(storescp: Callable[..., Storescp], receiver: Callable[..., Destination]) -> None:
    peer = storescp()
    without_verification = receiver([EnhancedSRStorage], [])

    _sender().echo(peer.destination)

    with pytest.raises(SopClassRefused) as error:
        _sender().echo(without_verification)
    assert error.value.code == "SOP_CLASS_REFUSED"
    assert "accepts none of the proposed" in error.value.sentence
    assert "Enable the SOP class" in error.value.next_step
