"""C-ECHO on a plain socket: monitors ask every minute, and need none of the libraries of DICOM for it.

One association that proposes Verification alone (PS3.8 9.3.2), one C-ECHO-RQ (PS3.7 9.3.5), its answer, a release.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trabecula.domain.delivery import Destination
from trabecula.domain.errors import AssociationRejected, DestinationUnreachable, SopClassRefused
from trabecula.domain.identity import derived_uid
from trabecula.domain.sop_classes import VERIFICATION
from trabecula.domain.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from trabecula.peers.connection import Timeouts, in_words, shown

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_ASSOCIATE_RQ, _ASSOCIATE_AC, _ASSOCIATE_RJ, _P_DATA, _RELEASE_RQ, _RELEASE_RP, _ABORT = range(1, 8)
_CONTEXT_ID = 1
_ACCEPTED = 0
_TRANSIENT = 2
_MOST_BYTES = 65536
"""Of one PDU: an answer to a C-ECHO has about a hundred bytes."""
_REJECTIONS = {
    (1, 1): "No reason given",
    (1, 2): "Application context name not supported",
    (1, 3): "Calling AE title not recognised",
    (1, 7): "Called AE title not recognised",
    (2, 1): "No reason given",
    (2, 2): "Protocol version not supported",
    (3, 1): "Temporary congestion",
    (3, 2): "Local limit exceeded",
}
"""Source and reason of an A-ASSOCIATE-RJ in words (PS3.8 table 9-21)."""


@dataclass(frozen=True)
class Verifier:
    """Asks destinations whether they answer. ``tls`` maps a destination's name to a client context."""

    ae_title: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    tls: Mapping[str, ssl.SSLContext] = field(default_factory=dict)

    def echo(self, destination: Destination) -> None:
        """C-ECHO. Raises DestinationUnreachable, AssociationRejected, SopClassRefused."""
        try:
            with self._connected(destination) as connected:
                self._associated(connected, destination)
                connected.settimeout(self.timeouts.answer_seconds)
                connected.sendall(_pdu(_P_DATA, _echo_request()))
                if not _has_status(_answer(connected)):
                    raise _unanswered(destination)
                _release(connected)
        except TimeoutError as error:
            raise DestinationUnreachable(f"{shown(destination)}: it does not answer in time") from error
        except OSError as error:  # SSLError and the name of a host that is not known are among them
            raise DestinationUnreachable(f"{shown(destination)}: {in_words(error)}") from error

    @contextlib.contextmanager
    def _connected(self, destination: Destination) -> Iterator[socket.socket]:
        address = (destination.host, destination.port)
        context = self.tls.get(destination.name)
        with contextlib.ExitStack() as held:
            connected = held.enter_context(socket.create_connection(address, self.timeouts.connect_seconds))
            if context is not None:
                connected = held.enter_context(context.wrap_socket(connected, server_hostname=destination.host))
            yield connected

    def _associated(self, connected: socket.socket, destination: Destination) -> None:
        """Associate; with TLS 1.3 a peer says only now that it does not take our certificate, or just hangs up."""
        try:
            self._associate(connected, destination)
        except (ssl.SSLError, ConnectionResetError) as error:
            if destination.name not in self.tls:
                raise
            how = f"it ended the TLS connection after it saw our certificate: {in_words(error)}"
            raise AssociationRejected(f"{shown(destination)} for good: {how}") from error

    def _associate(self, connected: socket.socket, destination: Destination) -> None:
        connected.settimeout(self.timeouts.negotiate_seconds)
        connected.sendall(_pdu(_ASSOCIATE_RQ, _associate_request(self.ae_title, destination.ae_title)))
        kind, body = _next_pdu(connected)
        if kind == _ASSOCIATE_RJ and len(body) >= 4:
            how = "for now" if body[1] == _TRANSIENT else "for good"
            reason = _REJECTIONS.get((body[2], body[3]), "No reason given")
            raise AssociationRejected(f"{shown(destination)} {how}: {reason}")
        if kind != _ASSOCIATE_AC:
            raise DestinationUnreachable(f"{shown(destination)}: it ended the association at once")
        if not _is_accepted(body):
            connected.sendall(_pdu(_ABORT, bytes(4)))
            raise SopClassRefused(f"{shown(destination)} accepts none of the proposed")


def _associate_request(calling: str, called: str) -> bytes:
    syntaxes = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
    proposed = _item(0x30, VERIFICATION.encode()) + b"".join(_item(0x40, uid.encode()) for uid in syntaxes)
    user = _item(0x51, struct.pack(">L", _MOST_BYTES - 1024))
    user += _item(0x52, derived_uid("implementation class").encode()) + _item(0x55, b"TRABECULA")
    return (
        struct.pack(">H2x16s16s32x", 1, called.encode("ascii").ljust(16), calling.encode("ascii").ljust(16))
        + _item(0x10, _APPLICATION_CONTEXT.encode())
        + _item(0x20, struct.pack(">B3x", _CONTEXT_ID) + proposed)
        + _item(0x50, user)
    )


def _echo_request() -> bytes:
    uid = VERIFICATION.encode() + b"\0" * (len(VERIFICATION) % 2)
    numbers = ((0x0100, 0x0030), (0x0110, 1), (0x0800, 0x0101))  # C-ECHO-RQ, message 1, no data set
    elements = _element(0x0002, uid) + b"".join(_element(key, struct.pack("<H", value)) for key, value in numbers)
    command = _element(0x0000, struct.pack("<L", len(elements))) + elements
    return struct.pack(">LBB", len(command) + 2, _CONTEXT_ID, 0x03) + command


def _answer(connected: socket.socket) -> bytes:
    """Return the command set that comes, "" where something else does."""
    command = b""
    while len(command) < _MOST_BYTES:
        kind, body = _next_pdu(connected)
        if kind != _P_DATA:
            return b""
        position = 0
        while position + 6 <= len(body):
            length, _, control = struct.unpack_from(">LBB", body, position)
            command += body[position + 6 : position + 4 + length]
            if control & 2:
                return command
            position += 4 + max(length, 2)
    return b""


def _has_status(command: bytes) -> bool:
    position = 0
    while position + 8 <= len(command):
        group, number, length = struct.unpack_from("<HHL", command, position)
        if (group, number) == (0x0000, 0x0900):
            return True
        position += 8 + length
    return False


def _is_accepted(body: bytes) -> bool:
    """Return whether an A-ASSOCIATE-AC accepts the one context that was proposed."""
    position = 68
    while position + 4 <= len(body):
        kind, length = struct.unpack_from(">BxH", body, position)
        if kind == 0x21 and length >= 4:
            return body[position + 4] == _CONTEXT_ID and body[position + 6] == _ACCEPTED
        position += 4 + length
    return False


def _release(connected: socket.socket) -> None:
    """End the association; the answer has come, so what goes wrong now says nothing."""
    with contextlib.suppress(OSError):
        connected.sendall(_pdu(_RELEASE_RQ, bytes(4)))
        _next_pdu(connected)


def _next_pdu(connected: socket.socket) -> tuple[int, bytes]:
    """Return type and body of the next PDU; type 0 where the other side closed, or what it says is no PDU."""
    kind, length = struct.unpack(">BxL", _exactly(connected, 6) or bytes(6))
    if not _ASSOCIATE_RQ <= kind <= _ABORT or length > _MOST_BYTES:
        return 0, b""
    return kind, _exactly(connected, length)


def _exactly(connected: socket.socket, count: int) -> bytes:
    """Return so many bytes, or none where the other side closed before."""
    found = b""
    while len(found) < count:
        part = connected.recv(count - len(found))
        if not part:
            return b""
        found += part
    return found


def _unanswered(destination: Destination) -> DestinationUnreachable:
    return DestinationUnreachable(f"{destination.name} accepted the association and did not answer C-ECHO")


def _pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxL", kind, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0x0000, number, len(value)) + value
