"""DIMSE command sets (PS3.7 6.3, E.1): what the listener understands of requests, and its responses."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from trabecula.domain.errors import PeerViolation
from trabecula.domain.uids import NO_INSTANCE, InstanceUid

NO_DATA_SET = 0x0101
MAX_COMMAND_BYTES = 65536
"""A command set is a few hundred bytes; anything near this is hostile."""


class CommandField(IntEnum):
    """(0000,0100) of the requests the listener serves (PS3.7 E.1)."""

    C_STORE_RQ = 0x0001
    C_ECHO_RQ = 0x0030
    N_EVENT_REPORT_RQ = 0x0100
    C_CANCEL_RQ = 0x0FFF


class DimseStatus(IntEnum):
    """(0000,0900) of the answers the listener gives (PS3.7 C, PS3.4 B.2.3)."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    NO_SUCH_SOP_CLASS = 0x0118
    INVALID_ARGUMENT = 0x0115
    UNRECOGNISED_OPERATION = 0x0211
    OUT_OF_RESOURCES = 0xA700


@dataclass(frozen=True, kw_only=True)
class Command:
    """The elements of a request command set that matter to us; UIDs are stripped of padding."""

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str = ""
    sop_instance_uid: InstanceUid = NO_INSTANCE
    event_type: int | None = None

    @property
    def is_request(self) -> bool:
        """True for requests; the top bit marks responses (PS3.7 E.1)."""
        return not self.field & 0x8000


def decode_command(data: bytes) -> Command:
    """Decode a command set (Implicit VR Little Endian, group 0000). Raises PeerViolation."""
    elements: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise PeerViolation("a command set that is cut off")
        group, element, length = struct.unpack_from("<HHL", data, position)
        position += 8
        if group != 0 or position + length > len(data):
            raise PeerViolation("a command set with an element that does not fit")
        elements[element] = data[position : position + length]
        position += length
    field = _number(elements, 0x0100)
    if field is None:
        raise PeerViolation("a command set without a command field")
    return Command(
        field=field,
        message_id=_number(elements, 0x0110) or 0,
        has_data_set=_number(elements, 0x0800) not in (NO_DATA_SET, None),
        sop_class_uid=_uid(elements, 0x0002),
        sop_instance_uid=InstanceUid(_uid(elements, 0x1000)),
        event_type=_number(elements, 0x1002),
    )


def encode_response(command: Command, status: DimseStatus, comment: str = "") -> bytes:
    """Encode the response command set to ``command`` without a data set; ``comment`` is cut to 64 characters."""
    body = b""
    if command.sop_class_uid:
        body += _element(0x0002, _padded(command.sop_class_uid))
    body += _element(0x0100, struct.pack("<H", (command.field | 0x8000) & 0xFFFF))
    body += _element(0x0120, struct.pack("<H", command.message_id))
    body += _element(0x0800, struct.pack("<H", NO_DATA_SET))
    body += _element(0x0900, struct.pack("<H", int(status)))
    if comment:
        text = comment.encode("ascii", "replace")[:64]
        body += _element(0x0902, text + b" " * (len(text) % 2))
    if command.sop_instance_uid:
        body += _element(0x1000, _padded(command.sop_instance_uid))
    if command.event_type is not None:
        body += _element(0x1002, struct.pack("<H", command.event_type))
    return _element(0x0000, struct.pack("<L", len(body))) + body


def _number(elements: dict[int, bytes], element: int) -> int | None:
    value = elements.get(element)
    return None if value is None or len(value) != 2 else int.from_bytes(value, "little")


def _uid(elements: dict[int, bytes], element: int) -> str:
    return elements.get(element, b"").decode("ascii", "replace").strip(" \0")


def _padded(uid: str) -> bytes:
    data = uid.encode("ascii", "replace")
    return data + b"\0" * (len(data) % 2)


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, element, len(value)) + value
