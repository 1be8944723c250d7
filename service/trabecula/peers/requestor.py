"""Associations we request: opened with time-outs everywhere, their failures in our own words, always ended."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.presentation import build_context
from pynetdicom.transport import AddressInformation, AssociationSocket

from trabecula.domain.delivery import Destination
from trabecula.domain.errors import AssociationRejected, DestinationUnreachable, SopClassRefused
from trabecula.domain.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from trabecula.peers.connection import Timeouts, in_words, shown

_REJECTED_TRANSIENT = 2


@dataclass(frozen=True)
class Requestor:
    """Our side of every association we request. ``tls`` maps a destination's name to a client context."""

    ae_title: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    tls: Mapping[str, ssl.SSLContext] = field(default_factory=dict)

    @contextlib.contextmanager
    def associate(
        self,
        destination: Destination,
        sop_classes: Sequence[str],
        handlers: Sequence[tuple[Any, Callable[[Any], Any]]] = (),
    ) -> Iterator[Association]:
        """Open an association that proposes each SOP Class in both little endian syntaxes; release it at the end.

        Raises DestinationUnreachable, AssociationRejected; SopClassRefused when the peer accepts no class at all.
        """
        association = self._requested(destination, sop_classes, handlers)
        try:
            if not association.is_established:
                raise _failure(association, destination)
            yield association
        finally:
            if association.is_established:
                association.release()
            if association.dul.socket is not None:
                # After an abort pynetdicom waits for the peer to close, for ever if it likes.
                association.dul.socket.close()

    def _requested(
        self,
        destination: Destination,
        sop_classes: Sequence[str],
        handlers: Sequence[tuple[Any, Callable[[Any], Any]]],
    ) -> Association:
        entity = _Entity(ae_title=self.ae_title)
        entity.connection_timeout = self.timeouts.connect_seconds
        entity.acse_timeout = self.timeouts.negotiate_seconds
        entity.dimse_timeout = self.timeouts.answer_seconds
        entity.network_timeout = self.timeouts.answer_seconds
        syntaxes = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]
        context = self.tls.get(destination.name)
        try:
            return entity.associate(
                destination.host,
                destination.port,
                contexts=[build_context(uid, syntaxes) for uid in sop_classes],
                ae_title=destination.ae_title,
                tls_args=(context, destination.host) if context is not None else None,
                evt_handlers=[(evt.EVT_CONN_OPEN, self._bound_socket), *handlers],
            )
        except OSError as error:  # the name of the host is not known
            raise DestinationUnreachable(f"{shown(destination)}: {error.strerror or error}") from error

    def _bound_socket(self, event: Any) -> None:
        """Give the socket a time-out: a peer that stops reading must not hold us for ever."""
        connected: socket.socket = event.assoc.dul.socket.socket
        connected.settimeout(self.timeouts.answer_seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _Socket(AssociationSocket):
    """A socket that is closed in every way it can fail; pynetdicom leaves some to the garbage collector."""

    def _shutdown_socket(self) -> None:
        # pynetdicom calls this while it handles what kept it from connecting, and keeps that for itself.
        failure = sys.exc_info()[1]
        if isinstance(failure, OSError) and isinstance(self.assoc.ae, _Entity):
            self.assoc.ae.failure = failure
        left = self.socket
        super()._shutdown_socket()
        if left is not None:
            left.close()


class _Entity(AE):
    failure: OSError | None = None
    """Why a connection could not be made."""

    def _create_socket(
        self, assoc: Association, address: AddressInformation, tls_args: tuple[ssl.SSLContext, str] | None
    ) -> AssociationSocket:
        wrapped = _Socket(assoc, address=address)
        wrapped.tls_args = tls_args
        return wrapped


def _failure(association: Association, destination: Destination) -> Exception:
    where = shown(destination)
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        how = "for now" if answer.result == _REJECTED_TRANSIENT else "for good"
        return AssociationRejected(f"{where} {how}: {answer.reason_str}")
    if association.rejected_contexts and not association.accepted_contexts:
        return SopClassRefused(f"{where} accepts none of the proposed")
    failure = association.ae.failure if isinstance(association.ae, _Entity) else None
    return DestinationUnreachable(f"{where}: {in_words(failure)}" if failure is not None else where)
