"""Upper-layer PDUs an acceptor reads and writes (PS3.8 9.3), decoded with bounds and encoded to bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from trabecula.domain.errors import PeerViolation
from trabecula.domain.transfer_syntaxes import IMPLICIT_VR_LITTLE_ENDIAN

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"


class PduType(IntEnum):
    """First byte of every PDU (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class ContextResult(IntEnum):
    """Answer to one presentation context (PS3.8 table 9-18)."""

    ACCEPTED = 0
    ABSTRACT_SYNTAX_UNKNOWN = 3
    TRANSFER_SYNTAXES_UNKNOWN = 4


@dataclass(frozen=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int


APPLICATION_CONTEXT_UNKNOWN = Rejection(1, 1, 2)
CALLING_AE_UNKNOWN = Rejection(1, 1, 3)
CALLED_AE_UNKNOWN = Rejection(1, 1, 7)
LIMIT_EXCEEDED = Rejection(2, 3, 2)
"""Transient: the sender may try again (PS3.8: local limit exceeded)."""


@dataclass(frozen=True)
class ProposedContext:
    """A presentation context as the requestor proposes it; odd id, one abstract syntax, its transfer syntaxes."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class AnsweredContext:
    """Our answer to one proposed context; ``transfer_syntax`` is significant only if accepted."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    result: ContextResult


@dataclass(frozen=True, kw_only=True)
class AssociateRequest:
    """What an A-ASSOCIATE-RQ says; ``roles`` maps a SOP Class to the (SCU, SCP) roles the requestor proposes."""

    called_ae_title: str
    calling_ae_title: str
    application_context: str
    contexts: tuple[ProposedContext, ...]
    max_pdu_bytes: int
    implementation_version: str = ""
    roles: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fragment:
    """One presentation data value (PS3.8 9.3.5.1); ``data`` is only valid until the next PDU is read."""

    context_id: int
    is_command: bool
    is_last: bool
    data: memoryview


def decode_associate_request(body: bytes) -> AssociateRequest:
    """Decode the body of an A-ASSOCIATE-RQ (without its six header bytes). Raises PeerViolation."""
    if len(body) < 68:
        raise PeerViolation("an A-ASSOCIATE-RQ of fewer than 68 bytes")
    application_context = ""
    contexts: list[ProposedContext] = []
    user: dict[str, object] = {}
    roles: dict[str, tuple[bool, bool]] = {}
    for kind, data in _items(body, 68):
        if kind == 0x10:
            application_context = _text(data)
        elif kind == 0x20:
            contexts.append(_context(data))
        elif kind == 0x50:
            _user_information(data, user, roles)
    if not contexts or len(contexts) > 128:
        raise PeerViolation(f"an association request with {len(contexts)} presentation contexts")
    max_pdu = user.get("max_pdu", 0)
    return AssociateRequest(
        called_ae_title=_text(body[4:20]),
        calling_ae_title=_text(body[20:36]),
        application_context=application_context,
        contexts=tuple(contexts),
        max_pdu_bytes=max_pdu if isinstance(max_pdu, int) else 0,
        implementation_version=str(user.get("version", "")),
        roles=roles,
    )


def _user_information(data: bytes, user: dict[str, object], roles: dict[str, tuple[bool, bool]]) -> None:
    for kind, value in _items(data, 0):
        if kind == 0x51 and len(value) == 4:
            user["max_pdu"] = struct.unpack(">L", value)[0]
        elif kind == 0x55:
            user["version"] = _text(value)[:16]
        elif kind == 0x54 and len(value) >= 4:
            length = struct.unpack(">H", value[:2])[0]
            if len(value) == length + 4:
                roles[_text(value[2 : 2 + length])] = (value[-2] == 1, value[-1] == 1)


def _context(data: bytes) -> ProposedContext:
    if len(data) < 4:
        raise PeerViolation("a presentation context of fewer than 4 bytes")
    abstract = ""
    transfer: list[str] = []
    for kind, value in _items(data, 4):
        if kind == 0x30:
            abstract = _text(value)
        elif kind == 0x40:
            transfer.append(_text(value))
    return ProposedContext(data[0], abstract, tuple(transfer))


def _items(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    position = start
    while position < len(data):
        if position + 4 > len(data):
            raise PeerViolation("an item header that is cut off")
        kind, length = struct.unpack_from(">BxH", data, position)
        position += 4
        if position + length > len(data):
            raise PeerViolation("an item that is longer than its PDU")
        yield kind, bytes(data[position : position + length])
        position += length


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace").strip(" \0")


def decode_fragments(body: memoryview) -> Iterator[Fragment]:
    """Yield the presentation data values of a P-DATA-TF body. Raises PeerViolation."""
    position = 0
    while position < len(body):
        if position + 6 > len(body):
            raise PeerViolation("a presentation data value that is cut off")
        length, context_id, control = struct.unpack_from(">LBB", body, position)
        end = position + 4 + length
        if length < 2 or end > len(body):
            raise PeerViolation("a presentation data value that is longer than its PDU")
        yield Fragment(context_id, bool(control & 1), bool(control & 2), body[position + 6 : end])
        position = end


def encode_accept(
    request: AssociateRequest,
    contexts: Sequence[AnsweredContext],
    roles: Mapping[str, tuple[bool, bool]],
    max_pdu_bytes: int,
    implementation: tuple[str, str],
) -> bytes:
    """Encode an A-ASSOCIATE-AC; ``implementation`` is our Implementation Class UID and Version Name."""
    body = struct.pack(">H2x16s16s32x", 1, _title(request.called_ae_title), _title(request.calling_ae_title))
    body += _item(0x10, APPLICATION_CONTEXT.encode())
    for context in contexts:
        syntax = context.transfer_syntax or IMPLICIT_VR_LITTLE_ENDIAN
        head = struct.pack(">BxBx", context.context_id, int(context.result))
        body += _item(0x21, head + _item(0x40, syntax.encode()))
    user = _item(0x51, struct.pack(">L", max_pdu_bytes)) + _item(0x52, implementation[0].encode())
    for uid, (scu, scp) in roles.items():
        user += _item(0x54, struct.pack(">H", len(uid)) + uid.encode() + bytes([scu, scp]))
    body += _item(0x50, user + _item(0x55, implementation[1].encode()))
    return _pdu(PduType.ASSOCIATE_AC, body)


def encode_reject(rejection: Rejection) -> bytes:
    """Encode an A-ASSOCIATE-RJ."""
    return _pdu(PduType.ASSOCIATE_RJ, bytes([0, rejection.result, rejection.source, rejection.reason]))


def encode_release_response() -> bytes:
    """Encode an A-RELEASE-RP."""
    return _pdu(PduType.RELEASE_RP, bytes(4))


def encode_abort(*, by_provider: bool, reason: int = 0) -> bytes:
    """Encode an A-ABORT (PS3.8 table 9-26)."""
    return _pdu(PduType.ABORT, bytes([0, 0, 2 if by_provider else 0, reason]))


def encode_command(context_id: int, command: bytes) -> bytes:
    """Encode a whole command set as one P-DATA-TF; our answers are far below any maximum length."""
    return _pdu(PduType.P_DATA_TF, struct.pack(">LBB", len(command) + 2, context_id, 3) + command)


def _title(title: str) -> bytes:
    return title.encode("ascii", "replace").ljust(16)[:16]


def _item(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(data)) + data


def _pdu(kind: PduType, body: bytes) -> bytes:
    return struct.pack(">BxL", int(kind), len(body)) + body
