from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.intake.journal.scenes import arrived
from trabecula.domain.errors_of.reception import JournalTooNew
from trabecula.intake.journal.entries import facts_of_instance
from trabecula.intake.journal.format import (
    BLOCK,
    NotASegment,
    RecordHead,
    RecordKind,
    SegmentHead,
    decode_record,
    decode_segment,
    encode_record,
    encode_segment,
    padded,
)

KEY = bytes(range(16))
SEGMENT = SegmentHead(journal_uid="1.2.3", segment_uid="ab" * 16, key=KEY, boot_id="boot")

VERSION_1_SEGMENT = bytes.fromhex(
    "545241424a524e4c010000007e0000007b226a6f75726e616c223a2022312e322e33222c20227365676d656e74223a2022616261626162"
    "6162616261626162616261626162616261626162616261626162222c20226b6579223a2022303030313032303330343035303630373038"
    "3039306130623063306430653066222c2022626f6f74223a2022626f6f74227d56e09e7f97fd026b4265c6093a671b8d"
)
VERSION_1_RECORD = bytes.fromhex(
    "5452454301006400800e080000000000070000000000000005000000000000007b22736f705f696e7374616e6365223a22312e322e3322"
    "2c22736861323536223a223030303030303030303030303030303030303030303030303030303030303030303030303030303030303030"
    "3030303030303030303030303030303030303030227dc1c6604015ff4ac49d0018c03f221ee1"
)
"""Blocks as version 1 wrote them, without the zeros behind; every later version reads them."""


def test_a_segment_head_comes_back() -> None:
    block = encode_segment(SEGMENT)

    assert len(block) == BLOCK
    assert decode_segment(block) == SEGMENT


def test_what_version_1_wrote_is_read() -> None:
    record = decode_record(VERSION_1_RECORD.ljust(BLOCK, b"\0"), KEY)

    assert decode_segment(VERSION_1_SEGMENT.ljust(BLOCK, b"\0")) == SEGMENT
    assert record == RecordHead(
        kind=RecordKind.INSTANCE,
        sequence=7,
        settled=5,
        payload_bytes=528000,
        facts={"sop_instance": "1.2.3", "sha256": "00" * 32},
    )


def test_a_newer_version_is_refused_in_a_sentence() -> None:
    block = bytearray(encode_segment(SEGMENT))
    block[8] = 2

    with pytest.raises(JournalTooNew, match="a segment has format 2, this program knows 1"):
        decode_segment(bytes(block))


@pytest.mark.parametrize("block", [b"", bytes(BLOCK), encode_segment(SEGMENT)[:40], b"x" * BLOCK])
def test_anything_else_is_no_segment(block: bytes) -> None:
    with pytest.raises(NotASegment):
        decode_segment(block)


@given(
    st.sampled_from(RecordKind),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.dictionaries(st.text(max_size=12), st.one_of(st.text(max_size=64), st.integers()), max_size=6),
)
def test_a_record_head_comes_back_under_its_key_only(
    kind: RecordKind, sequence: int, settled: int, size: int, facts: dict[str, str | int]
) -> None:
    head = RecordHead(kind=kind, sequence=sequence, settled=settled, payload_bytes=size, facts=facts)
    block = encode_record(head, KEY)

    assert len(block) == BLOCK
    assert decode_record(block, KEY) == head
    assert decode_record(block, bytes(16)) is None


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_an_altered_block_is_no_record(noise: bytes, position: int, change: int) -> None:
    block = bytearray(encode_record(RecordHead(kind=RecordKind.INSTANCE, facts={"a": "b" * 200}), KEY))
    block[position] ^= change

    assert decode_record(bytes(block), KEY) is None
    assert decode_record(noise, KEY) is None


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
def test_the_facts_of_an_instance_fit_whatever_its_sender_names(name: str, caller: str, fault: str) -> None:
    instance, _ = arrived(1, sop_instance_uid=name, calling_ae_title=caller, study_uid=name, fault=fault)

    facts = facts_of_instance(instance)

    assert len(encode_record(RecordHead(kind=RecordKind.INSTANCE, facts=facts), KEY)) == BLOCK


@given(st.integers(0, 10**9))
def test_padding_ends_at_blocks(count: int) -> None:
    assert 0 <= padded(count) - count < BLOCK
    assert padded(count) % BLOCK == 0
