"""C-STORE SCU: the objects of one result to one destination over one association, with the status word of each."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from io import BytesIO

import structlog
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom.association import Association

from trabecula.domain.delivery import Destination, SendOutcome
from trabecula.domain.errors import DestinationUnreachable, SopClassRefused
from trabecula.domain.results.result import ResultObject
from trabecula.domain.sop_classes import VERIFICATION
from trabecula.peers.connection import Timeouts
from trabecula.peers.requestor import Requestor
from trabecula.peers.verification import Verifier

SOP_CLASS_NOT_SUPPORTED = 0x0122
_CLASS_REFUSED = frozenset({SOP_CLASS_NOT_SUPPORTED, 0x0118})
"""The peer accepted the context and yet does not want the class (PS3.7 C): the next fall-back is tried."""

log = structlog.get_logger(__name__)


class StoreSender:
    """Implements domain.ports.Sender on pynetdicom."""

    def __init__(
        self, own_ae_title: str, timeouts: Timeouts | None = None, tls: Mapping[str, ssl.SSLContext] | None = None
    ) -> None:
        """``tls`` maps the name of a destination to its client context; the others are spoken to in the clear."""
        self._requestor = Requestor(own_ae_title, timeouts or Timeouts(), tls or {})
        self._verifier = Verifier(own_ae_title, timeouts or Timeouts(), tls or {})

    def send(self, destination: Destination, objects: Sequence[ResultObject]) -> tuple[SendOutcome, ...]:
        """Send each object, or the first of its alternatives that the peer accepts; one outcome per object, in order.

        Raises DestinationUnreachable (also when the peer goes silent in the middle: all of it is to be sent again,
        which changes nothing for what it has), AssociationRejected.
        """
        if not objects:
            return ()
        classes = dict.fromkeys(version.sop_class_uid for each in objects for version in _versions(each))
        try:
            with self._requestor.associate(destination, (*classes, VERIFICATION)) as association:
                outcomes = tuple(_send_one(association, destination, each) for each in objects)
        except SopClassRefused:
            outcomes = tuple(_not_supported(each) for each in objects)
        for outcome in outcomes:
            log.info(
                "object.sent",
                destination=destination.name,
                sop_class=outcome.sop_class_uid,
                sop_instance=outcome.sop_instance_uid,
                status=f"0x{outcome.status:04X}",
            )
        return outcomes

    def echo(self, destination: Destination) -> None:
        """C-ECHO. Raises DestinationUnreachable, AssociationRejected, SopClassRefused."""
        self._verifier.echo(destination)


def _versions(each: ResultObject) -> tuple[ResultObject, ...]:
    return (each, *each.alternatives)


def _send_one(association: Association, destination: Destination, each: ResultObject) -> SendOutcome:
    accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
    outcome = _not_supported(each)
    for version in _versions(each):
        if version.sop_class_uid not in accepted:
            continue
        if not association.is_established:
            raise DestinationUnreachable(f"{destination.name} ended the association before everything was sent")
        answer = association.send_c_store(_data_set(version))
        if "Status" not in answer:
            raise DestinationUnreachable(f"{destination.name} did not answer a C-STORE")
        outcome = SendOutcome(
            version.sop_instance_uid, version.sop_class_uid, int(answer.Status), str(answer.get("ErrorComment", ""))
        )
        if outcome.status not in _CLASS_REFUSED:
            break
    return outcome


def _data_set(version: ResultObject) -> Dataset:
    """Decode lazily: elements nobody touches go out as the bytes they came in."""
    return dcmread(BytesIO(version.content))


def _not_supported(each: ResultObject) -> SendOutcome:
    return SendOutcome(each.sop_instance_uid, each.sop_class_uid, SOP_CLASS_NOT_SUPPORTED)
