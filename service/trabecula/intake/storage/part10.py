"""The head of a Part 10 file (PS3.10 7.1): preamble and File Meta Information before the bytes as received."""

from __future__ import annotations

import struct

from trabecula.domain.identity import derived_uid
from trabecula.domain.uids import InstanceUid

IMPLEMENTATION_CLASS_UID = derived_uid("implementation class")
IMPLEMENTATION_VERSION = "TRABECULA"
"""Without a number: the same instance must give the same file after an upgrade."""


def file_head(sop_class_uid: str, sop_instance_uid: InstanceUid, transfer_syntax_uid: str) -> bytes:
    """Return preamble, prefix and File Meta Information; a function of its arguments alone.

    Who sent the instance is not in it (that is in the ledger), so a repetition over another way is the same file.
    """
    elements = _element(0x0001, b"OB", b"\0\1")
    elements += _element(0x0002, b"UI", _uid(sop_class_uid))
    elements += _element(0x0003, b"UI", _uid(sop_instance_uid))
    elements += _element(0x0010, b"UI", _uid(transfer_syntax_uid))
    elements += _element(0x0012, b"UI", _uid(IMPLEMENTATION_CLASS_UID))
    elements += _element(0x0013, b"SH", _even(IMPLEMENTATION_VERSION.encode(), b" "))
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", struct.pack("<L", len(elements))) + elements


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH", 2, element) + vr
    if vr == b"OB":
        return head + struct.pack("<2xL", len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def _uid(uid: str) -> bytes:
    return _even(uid.encode("ascii", "replace"), b"\0")


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding * (len(value) % 2)
