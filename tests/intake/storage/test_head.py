from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.builders import encoded, image, uid
from trabecula.domain.errors import InstanceUnparsable
from trabecula.intake.storage.head import DataSetHead, HeadIncomplete, read_head

IMPLICIT, EXPLICIT, DEFLATED, BIG = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
JPEG_2000 = "1.2.840.10008.1.2.4.90"
EVERY_ENCODING = (IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG_2000)
HEAD = DataSetHead(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    sop_instance_uid=uid(1, 1, 1),
    study_uid=uid(1),
    series_uid=uid(1, 1),
    manufacturer="Phantom",
)


def _crowded(undefined: bool) -> Dataset:
    """Sequences in sequences and long private values before the Study Instance UID."""
    data_set = image()
    inner = Dataset()
    inner.StudyInstanceUID = "9.9.9"
    inner.ReferencedSOPInstanceUID = "9.9"
    outer = Dataset()
    outer.StudyInstanceUID = "8.8.8"
    outer.PurposeOfReferenceCodeSequence = Sequence([inner, inner])
    outer["PurposeOfReferenceCodeSequence"].is_undefined_length = undefined
    outer.is_undefined_length_sequence_item = undefined
    inner.is_undefined_length_sequence_item = undefined
    data_set.ReferencedImageSequence = Sequence([outer, Dataset()])
    data_set["ReferencedImageSequence"].is_undefined_length = undefined
    block = data_set.private_block(0x0019, "PROBE", create=True)
    block.add_new(0x01, "OB", bytes(70000))
    block.add_new(0x02, "UN", bytes(10))
    return data_set


@pytest.mark.parametrize("syntax", EVERY_ENCODING)
def test_the_head_in_every_encoding(syntax: str) -> None:
    assert read_head(encoded(image(), syntax), syntax, complete=True) == HEAD


@pytest.mark.parametrize("syntax", EVERY_ENCODING)
@pytest.mark.parametrize("undefined", [False, True])
def test_what_lies_in_sequences_is_not_mistaken(syntax: str, undefined: bool) -> None:
    assert read_head(encoded(_crowded(undefined), syntax), syntax, complete=True) == HEAD


def test_unknown_of_undefined_length_holds_implicit_vr() -> None:
    # PS3.5 6.2.2 note: its content is Implicit VR Little Endian whatever the rest is in
    item = struct.pack("<HHL", 0x0008, 0x0005, 4) + b"ISO "
    sequence = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + item + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
    unknown = struct.pack("<HH2s2xL", 0x0009, 0x1001, b"UN", 0xFFFFFFFF) + sequence
    unknown += struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    plain = encoded(image())
    data = unknown + plain

    assert read_head(data, EXPLICIT, complete=True).study_uid == uid(1)


def test_a_beginning_asks_for_more_until_it_is_enough() -> None:
    data = encoded(_crowded(False))
    enough = [size for size in range(0, len(data), 500) if _is_enough(data[:size])]

    assert enough
    assert min(enough) > 70000
    assert enough == list(range(min(enough), len(data), 500))


def _is_enough(beginning: bytes) -> bool:
    try:
        return read_head(beginning, EXPLICIT, complete=False) == HEAD
    except HeadIncomplete:
        return False


def test_a_missing_element_is_empty() -> None:
    data_set = image()
    del data_set.SeriesInstanceUID

    assert read_head(encoded(data_set), EXPLICIT, complete=True).series_uid == ""


@pytest.mark.parametrize(
    ("data", "syntax", "reason"),
    [
        (encoded(image(), IMPLICIT), EXPLICIT, "negotiated transfer syntax"),
        (encoded(image())[:50], EXPLICIT, "cut off"),
        (b"no deflated data", DEFLATED, "cannot be inflated"),
        (
            struct.pack("<HH2s2xL", 8, 0x1140, b"SQ", 0xFFFFFFFF) + encoded(image()),
            EXPLICIT,
            "something else than items",
        ),
        (struct.pack("<HH2s2xLHHL", 8, 0x1140, b"SQ", 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF) * 50, EXPLICIT, "nested"),
    ],
)
def test_what_is_no_data_set_says_why(data: bytes, syntax: str, reason: str) -> None:
    with pytest.raises(InstanceUnparsable) as error:
        read_head(data, syntax, complete=True)

    assert error.value.code == "INSTANCE_UNPARSABLE"
    assert reason in error.value.sentence
    assert "quarantine" in error.value.next_step


def test_a_deflated_bomb_is_not_inflated_whole() -> None:
    compressor = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = compressor.compress(encoded(image())[:10] + bytes(1 << 26)) + compressor.flush()

    with pytest.raises((InstanceUnparsable, HeadIncomplete)):
        read_head(bomb, DEFLATED, complete=True)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300), syntax=st.sampled_from(EVERY_ENCODING), complete=st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, syntax: str, complete: bool) -> None:
    with contextlib.suppress(InstanceUnparsable, HeadIncomplete):
        assert isinstance(read_head(data, syntax, complete=complete), DataSetHead)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), syntax=st.sampled_from((IMPLICIT, EXPLICIT, BIG)))
def test_damaged_data_sets_are_read_or_refused(data: st.DataObject, syntax: str) -> None:
    content = bytearray(encoded(image(rows=4), syntax))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InstanceUnparsable):
        assert isinstance(read_head(bytes(content), syntax, complete=True), DataSetHead)
