"""Storage commitment SCU (PS3.4 J): asks a destination to take responsibility for what it was sent."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.pdu import P_DATA_TF

from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DeliveryRefused, DestinationUnreachable, SopClassRefused
from trabecula.domain.sop_classes import STORAGE_COMMITMENT_PUSH, STORAGE_COMMITMENT_PUSH_INSTANCE
from trabecula.peers.connection import Timeouts
from trabecula.peers.requestor import Requestor

_REQUEST_COMMITMENT = 1


class CommitmentScu:
    """Implements domain.ports.CommitmentRequester on pynetdicom."""

    def __init__(
        self,
        own_ae_title: str,
        wait_seconds: float = 5.0,
        timeouts: Timeouts | None = None,
        tls: Mapping[str, ssl.SSLContext] | None = None,
    ) -> None:
        """``wait_seconds`` is how long the association stays open for an answer that comes at once."""
        self._requestor = Requestor(own_ae_title, timeouts or Timeouts(), tls or {})
        self._wait_seconds = wait_seconds

    def request(
        self, destination: Destination, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> Mapping[str, bool] | None:
        """Send N-ACTION for (SOP Class UID, SOP Instance UID) pairs; the answer if it comes on the same association.

        None means that it will come to our listener. Raises DestinationUnreachable, AssociationRejected,
        DeliveryRefused (the destination does not do storage commitment, or not for this).
        """
        answer = _Answer(transaction_uid)
        try:
            with self._requestor.associate(destination, (STORAGE_COMMITMENT_PUSH,), answer.handlers) as association:
                status, _ = association.send_n_action(
                    _action_information(transaction_uid, objects),
                    _REQUEST_COMMITMENT,
                    STORAGE_COMMITMENT_PUSH,
                    STORAGE_COMMITMENT_PUSH_INSTANCE,
                )
                if "Status" not in status:
                    raise DestinationUnreachable(f"{destination.name} did not answer the commitment request")
                if status.Status != 0x0000:
                    raise DeliveryRefused(f"{destination.name} answered storage commitment with 0x{status.Status:04X}")
                answer.wait(self._wait_seconds)
        except SopClassRefused as error:
            raise DeliveryRefused(f"{destination.name} does not offer storage commitment") from error
        return answer.committed


class _Answer:
    """The N-EVENT-REPORT of one transaction, taken in pynetdicom's thread and awaited in ours."""

    def __init__(self, transaction_uid: str) -> None:
        self._transaction_uid = transaction_uid
        self._arrived = threading.Event()
        self.committed: Mapping[str, bool] | None = None

    def take(self, event: Any) -> tuple[int, Dataset | None]:
        """Handle EVT_N_EVENT_REPORT; answers 0x0000, or 0x0110 to a report of another transaction."""
        report = event.event_information
        if report.get("TransactionUID") != self._transaction_uid:
            return 0x0110, None
        committed = {str(item.ReferencedSOPInstanceUID): True for item in report.get("ReferencedSOPSequence") or ()}
        for item in report.get("FailedSOPSequence") or ():
            committed[str(item.ReferencedSOPInstanceUID)] = False
        self.committed = committed
        return 0x0000, None

    def sent(self, event: Any) -> None:
        """Handle EVT_PDU_SENT: what is sent after the report is our answer to it; released before, it would be lost."""
        if self.committed is not None and isinstance(event.pdu, P_DATA_TF):
            self._arrived.set()

    @property
    def handlers(self) -> list[tuple[Any, Callable[[Any], Any]]]:
        """What an association needs to take the report and to answer it."""
        return [(evt.EVT_N_EVENT_REPORT, self.take), (evt.EVT_PDU_SENT, self.sent)]

    def wait(self, seconds: float) -> None:
        """Wait for the report."""
        self._arrived.wait(seconds)


def _action_information(transaction_uid: str, objects: Sequence[tuple[str, str]]) -> Dataset:
    information = Dataset()
    information.TransactionUID = transaction_uid
    information.ReferencedSOPSequence = []
    for sop_class_uid, sop_instance_uid in objects:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class_uid
        item.ReferencedSOPInstanceUID = sop_instance_uid
        information.ReferencedSOPSequence.append(item)
    return information
