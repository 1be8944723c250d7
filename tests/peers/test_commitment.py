"""Storage commitment: the request, and the answer on the same association or later at our own listener."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt

from tests.builders import uid
from tests.peers.conftest import QUICK
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DeliveryRefused, DestinationUnreachable
from trabecula.peers.commitment import CommitmentScu

PUSH = "1.2.840.10008.1.20.1"
OBJECTS = [("1.2.840.10008.5.1.4.1.1.88.34", uid(9, 1)), ("1.2.840.10008.5.1.4.1.1.66.4", uid(9, 2))]
Receiver = Callable[..., Destination]


def _report(transaction_uid: str, kept: list[str], lost: list[str]) -> Dataset:
    report = Dataset()
    report.TransactionUID = transaction_uid
    for keyword, uids in (("ReferencedSOPSequence", kept), ("FailedSOPSequence", lost)):
        items = []
        for each in uids:
            item = Dataset()
            item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
            item.ReferencedSOPInstanceUID = each
            if keyword == "FailedSOPSequence":
                item.FailureReason = 0x0112
            items.append(item)
        if items:
            setattr(report, keyword, items)
    return report


class Archive:
    """A storage commitment SCP that reports on the same association, after its N-ACTION answer."""

    def __init__(self, kept: list[str], lost: list[str], transaction_uid: str = "") -> None:
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []
        self.reported: list[int | None] = []
        self.threads: list[threading.Thread] = []
        self._kept = kept
        self._lost = lost
        self._transaction_uid = transaction_uid

    def action(self, event: evt.Event) -> tuple[int, None]:
        information = event.action_information
        pairs = [
            (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
            for item in information.ReferencedSOPSequence
        ]
        self.asked.append((str(information.TransactionUID), pairs))
        report = _report(self._transaction_uid or information.TransactionUID, self._kept, self._lost)
        thread = threading.Thread(target=self._report, args=(event.assoc, report))
        self.threads.append(thread)
        thread.start()
        return 0x0000, None

    def _report(self, association: Any, report: Dataset) -> None:
        kind = 2 if self._lost else 1
        status, _ = association.send_n_event_report(report, kind, PUSH, f"{PUSH}.1")
        self.reported.append(status.get("Status"))


def test_the_answer_on_the_same_association(receiver: Receiver) -> None:
    archive = Archive([uid(9, 1)], [uid(9, 2)])
    destination = receiver([PUSH], [(evt.EVT_N_ACTION, archive.action)])

    answer = CommitmentScu("TRABECULA", 5, QUICK).request(destination, uid(7), OBJECTS)
    for thread in archive.threads:
        thread.join(10)

    assert answer == {uid(9, 1): True, uid(9, 2): False}
    assert archive.asked == [(uid(7), OBJECTS)]
    assert archive.reported == [0x0000]


def test_no_answer_on_the_same_association(receiver: Receiver) -> None:
    destination = receiver([PUSH], [(evt.EVT_N_ACTION, lambda event: (0x0000, None))])

    assert CommitmentScu("TRABECULA", 0.1, QUICK).request(destination, uid(7), OBJECTS) is None


def test_a_report_of_another_transaction_is_not_our_answer(receiver: Receiver) -> None:
    archive = Archive([uid(9, 1)], [], transaction_uid=uid(8))
    destination = receiver([PUSH], [(evt.EVT_N_ACTION, archive.action)])

    answer = CommitmentScu("TRABECULA", 1, QUICK).request(destination, uid(7), OBJECTS)
    for thread in archive.threads:
        thread.join(10)

    assert answer is None
    assert archive.reported == [0x0110]


def test_a_refused_request(receiver: Receiver) -> None:
    destination = receiver([PUSH], [(evt.EVT_N_ACTION, lambda event: (0x0112, None))])

    with pytest.raises(DeliveryRefused) as error:
        CommitmentScu("TRABECULA", 1, QUICK).request(destination, uid(7), OBJECTS)

    assert error.value.code == "DELIVERY_REFUSED"
    assert "0x0112" in error.value.sentence
    assert "status word" in error.value.next_step


def test_a_destination_without_storage_commitment(receiver: Receiver) -> None:
    destination = receiver(["1.2.840.10008.1.1"], [])

    with pytest.raises(DeliveryRefused, match="does not offer storage commitment"):
        CommitmentScu("TRABECULA", 1, QUICK).request(destination, uid(7), OBJECTS)


def test_an_unreachable_destination(free_port: Callable[[], int]) -> None:
    with pytest.raises(DestinationUnreachable):
        CommitmentScu("TRABECULA", 1, QUICK).request(
            Destination(name="x", ae_title="X", host="127.0.0.1", port=free_port()), uid(7), OBJECTS
        )
