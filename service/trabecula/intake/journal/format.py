"""The journal's format, byte by byte: the head of a segment and the block before each record, with their checksums.

A segment is a head of one block, then records, each a block and its payload, filled up to whole blocks. The checksum of
a record's block is keyed by the segment's random key, so that neither older bytes on the disk nor what a sender put
into its pixels can be taken for a record. Numbers are little endian.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from trabecula.domain.errors_of.reception import JournalTooNew

VERSION = 1
"""Raised with every change of the format; what an older version wrote stays readable, a newer one is refused."""
BLOCK = 4096
"""Bytes of a block: heads are found by looking at multiples of it."""

_SEGMENT = struct.Struct("<8sHHL")
_RECORD = struct.Struct("<4sBBHQQQ")
_SEGMENT_MAGIC = b"TRABJRNL"
_RECORD_MAGIC = b"TREC"
_DIGEST_BYTES = 16
_Value = str | int | float


class RecordKind(IntEnum):
    """What a record holds."""

    INSTANCE = 1
    REFUSAL = 2
    COMMITMENT = 3
    SEAL = 4
    """The last record of a segment that was ended in order; every record before it was durable or refused."""


class NotASegment(Exception):
    """The bytes are not the head of a segment: its making was cut off, or it is damaged."""


@dataclass(frozen=True, kw_only=True)
class SegmentHead:
    """Which journal and segment this is, the key of its checksums, and the boot of the host that wrote it."""

    journal_uid: str
    segment_uid: str
    key: bytes
    boot_id: str


@dataclass(frozen=True, kw_only=True)
class RecordHead:
    """One record: its number in the segment and how long its payload is; ``facts`` are those of its kind.

    ``settled``: every record with a smaller number was durable (or refused) when this one was begun. A record below it
    that cannot be read is damage; one that no other record tells of was never acknowledged.
    """

    kind: RecordKind
    sequence: int = 0
    settled: int = 0
    payload_bytes: int = 0
    facts: Mapping[str, _Value] = field(default_factory=dict)

    @property
    def whole_bytes(self) -> int:
        """The bytes it takes in the segment."""
        return BLOCK + padded(self.payload_bytes)


def padded(count: int) -> int:
    """Return a count of bytes filled up to whole blocks."""
    return -(-count // BLOCK) * BLOCK


def encode_segment(head: SegmentHead) -> bytes:
    """Return the first block of a segment."""
    text = json.dumps(
        {"journal": head.journal_uid, "segment": head.segment_uid, "key": head.key.hex(), "boot": head.boot_id}
    ).encode()
    body = _SEGMENT.pack(_SEGMENT_MAGIC, VERSION, 0, len(text)) + text
    return (body + hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()).ljust(BLOCK, b"\0")


def decode_segment(block: bytes) -> SegmentHead:
    """Return the head in the first block of a segment. Raises NotASegment, JournalTooNew."""
    if len(block) < _SEGMENT.size:
        raise NotASegment
    magic, version, _, length = _SEGMENT.unpack_from(block)
    if magic != _SEGMENT_MAGIC:
        raise NotASegment
    if version > VERSION:  # before the checksum: a newer version may have another
        raise JournalTooNew(f"a segment has format {version}, this program knows {VERSION}")
    body = block[: _SEGMENT.size + length]
    digest = block[len(body) : len(body) + _DIGEST_BYTES]
    if digest != hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest():
        raise NotASegment
    facts = json.loads(body[_SEGMENT.size :])
    return SegmentHead(
        journal_uid=facts["journal"],
        segment_uid=facts["segment"],
        key=bytes.fromhex(facts["key"]),
        boot_id=facts["boot"],
    )


def encode_record(head: RecordHead, key: bytes) -> bytes:
    """Return the block of a record. Raises ValueError where its facts do not fit into one."""
    text = json.dumps(dict(head.facts), separators=(",", ":"), ensure_ascii=False).encode()
    numbers = (head.kind, 0, len(text), head.payload_bytes, head.sequence, head.settled)
    body = _RECORD.pack(_RECORD_MAGIC, *numbers) + text if len(text) < BLOCK else b""
    if not body or len(body) + _DIGEST_BYTES > BLOCK:
        raise ValueError("the facts of a record do not fit into its block")
    return (body + _digest(body, key)).ljust(BLOCK, b"\0")


def decode_record(block: bytes | memoryview, key: bytes) -> RecordHead | None:
    """Return the record whose block this is, or None where it is none of this segment."""
    block = bytes(block)
    if len(block) < _RECORD.size or block[:4] != _RECORD_MAGIC:
        return None
    _, kind, _, length, payload_bytes, sequence, settled = _RECORD.unpack_from(block)
    body = block[: _RECORD.size + length]
    if block[len(body) : len(body) + _DIGEST_BYTES] != _digest(body, key):
        return None
    return RecordHead(
        kind=RecordKind(kind),
        sequence=sequence,
        settled=settled,
        payload_bytes=payload_bytes,
        facts=json.loads(body[_RECORD.size :]),
    )


def _digest(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES, key=key).digest()
