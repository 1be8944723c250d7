"""Peers that speak the upper layer by hand, byte by byte, and so can misbehave in every way."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Sequence
from types import TracebackType

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"


def item(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(data)) + data


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxL", kind, len(body)) + body


def associate_request(
    contexts: Sequence[tuple[int, str, Sequence[str]]] = ((1, CT, (EXPLICIT,)), (3, VERIFICATION, (IMPLICIT,))),
    *,
    called: str = "TRABECULA",
    calling: str = "PEER",
    application_context: str = "1.2.840.10008.3.1.1.1",
) -> bytes:
    body = struct.pack(">H2x16s16s32x", 1, called.encode().ljust(16), calling.encode().ljust(16))
    body += item(0x10, application_context.encode())
    for context_id, abstract, transfer in contexts:
        subitems = item(0x30, abstract.encode()) + b"".join(item(0x40, uid.encode()) for uid in transfer)
        body += item(0x20, bytes([context_id, 0, 0, 0]) + subitems)
    body += item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4"))
    return pdu(1, body)


def value(context_id: int, control: int, data: bytes) -> bytes:
    return struct.pack(">LBB", len(data) + 2, context_id, control) + data


def command_set(
    field: int, *, sop_class: str = CT, sop_instance: str = "1.2.3", data_set: bool = True, message_id: int = 1
) -> bytes:
    def element(number: int, content: bytes) -> bytes:
        return struct.pack("<HHL", 0, number, len(content)) + content

    def padded(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    body = element(0x0002, padded(sop_class))
    body += element(0x0100, struct.pack("<H", field))
    body += element(0x0110, struct.pack("<H", message_id))
    body += element(0x0700, struct.pack("<H", 0))
    body += element(0x0800, struct.pack("<H", 0 if data_set else 0x0101))
    body += element(0x1000, padded(sop_instance)) if sop_instance else b""
    return element(0x0000, struct.pack("<L", len(body))) + body


class RawPeer:
    """A TCP connection to a listener."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket: socket.socket = tls.wrap_socket(plain) if tls is not None else plain

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        """Return type and body of the next PDU; type 0 when the connection is closed."""
        header = self._exactly(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxL", header)
        return kind, self._exactly(length)

    def associate(self, **parts: str) -> None:
        self.send(associate_request(**parts))  # type: ignore[arg-type]
        assert self.receive()[0] == 2

    def store(self, data_set: bytes, *, sop_instance: str = "1.2.3", sop_class: str = CT, fragment: int = 16000) -> int:
        """Send one C-STORE on context 1 and return its status."""
        request = command_set(1, sop_class=sop_class, sop_instance=sop_instance)
        self.send(pdu(4, value(1, 3, request)))
        pieces = [data_set[start : start + fragment] for start in range(0, len(data_set), fragment)] or [b""]
        for number, piece in enumerate(pieces, 1):
            self.send(pdu(4, value(1, 2 if number == len(pieces) else 0, piece)))
        return self.status()

    def echo(self) -> int:
        request = command_set(0x30, sop_class=VERIFICATION, sop_instance="", data_set=False)
        self.send(pdu(4, value(3, 3, request)))
        return self.status()

    def status(self) -> int:
        """Return the status word of the next response."""
        kind, body = self.receive()
        assert kind == 4, f"a PDU of type {kind} instead of an answer"
        elements = body[6:]
        position = 0
        while position < len(elements):
            _, number, length = struct.unpack_from("<HHL", elements, position)
            if number == 0x0900:
                return int.from_bytes(elements[position + 8 : position + 8 + length], "little")
            position += 8 + length
        raise AssertionError("an answer without a status")

    def release(self) -> None:
        self.send(pdu(5, bytes(4)))
        assert self.receive()[0] == 6

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(count - len(data))
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece
        return data
