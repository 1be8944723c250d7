"""Files of copies: what comparing them says, whatever they hold, and what put beside each other survives."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from tests.builders import encoded, image, part10, uid
from trabecula.domain.errors import InstanceUnparsable, SpoolObjectMissing
from trabecula.domain.study.copies import CopyDifference, PixelComparison, StoredCopy
from trabecula.intake.storage.copies import SpoolCopies
from trabecula.intake.storage.identity import read_again
from trabecula.intake.storage.spool import Kept, Spool

UID = uid(1, 1, 1)


@pytest.fixture
def copies(tmp_path: Path) -> SpoolCopies:
    return SpoolCopies(Spool(tmp_path / "spool"))


def put(copies: SpoolCopies, content: bytes) -> StoredCopy:
    digest = hashlib.sha256(content).hexdigest()
    (copies._spool.root / "quarantine" / f"{digest}.dcm").write_bytes(content)
    return StoredCopy(UID, uid(1, 1), f"quarantine/{digest}.dcm", digest)


def changed(**values: object) -> Dataset:
    data_set = image()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


def difference(copies: SpoolCopies, newer: Dataset, syntax: str = "1.2.840.10008.1.2.1") -> CopyDifference:
    return copies.compare(put(copies, part10(image())), put(copies, part10(newer, syntax)))


def test_equal_copies_differ_in_nothing(copies: SpoolCopies) -> None:
    found = difference(copies, image())

    assert (found.attributes, found.pixels, found.image_attributes, found.moved) == ((), PixelComparison.EQUAL, (), ())


def test_a_removed_an_added_and_a_private_attribute_are_differences(copies: SpoolCopies) -> None:
    newer = changed(InstitutionName="Hospital")
    del newer.StudyDate
    newer.private_block(0x0019, "PROBE", create=True).add_new(0x01, "LO", "x")

    names = [item.name for item in difference(copies, newer).attributes]

    assert names == ["Study Date", "Institution Name", "private attribute (0019,0010)", "private attribute (0019,1001)"]


def test_a_sequence_is_compared_as_a_whole(copies: SpoolCopies) -> None:
    item = Dataset()
    item.CodeValue = "X"

    (found,) = difference(copies, changed(ProcedureCodeSequence=[item])).attributes

    assert (found.name, found.in_use, found.newer) == ("Procedure Code Sequence", "", "(1 items)")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"RescaleSlope": "2"}, "Rescale Slope"),
        ({"PixelSpacing": [1, 1]}, "Pixel Spacing"),
        ({"ImagePositionPatient": [0, 0, 5]}, "Image Position (Patient)"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "Image Orientation (Patient)"),
        ({"SliceThickness": "3"}, "Slice Thickness"),
        ({"Rows": 32, "Columns": 8}, "Columns"),
    ],
)
def test_equal_pixels_that_are_read_or_lie_otherwise_are_told(
    copies: SpoolCopies, values: dict[str, object], name: str
) -> None:
    found = difference(copies, changed(**values))

    assert found.pixels is PixelComparison.EQUAL
    assert name in found.image_attributes


def test_one_bit_of_one_pixel_is_a_difference(copies: SpoolCopies) -> None:
    pixels = bytearray(image().PixelData)
    pixels[100] ^= 1

    assert difference(copies, changed(PixelData=bytes(pixels))).pixels is PixelComparison.DIFFERENT


@pytest.mark.parametrize(
    ("syntax", "pixels"),
    [
        ("1.2.840.10008.1.2", PixelComparison.EQUAL),
        ("1.2.840.10008.1.2.1.99", PixelComparison.EQUAL),
        ("1.2.840.10008.1.2.2", PixelComparison.OTHER_TRANSFER_SYNTAX),
        ("1.2.840.10008.1.2.5", PixelComparison.OTHER_TRANSFER_SYNTAX),
    ],
)
def test_transfer_syntaxes(copies: SpoolCopies, syntax: str, pixels: PixelComparison) -> None:
    found = difference(copies, image(), syntax)

    assert (found.pixels, found.attributes) == (pixels, ())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(132, 1200), value=st.binary(min_size=1, max_size=8), cut=st.integers(0, 400))
def test_no_file_breaks_the_comparison(copies: SpoolCopies, position: int, value: bytes, cut: int) -> None:
    content = bytearray(part10(image()))
    content[position : position + len(value)] = value
    odd = put(copies, bytes(content[: len(content) - cut]))

    found = copies.compare(put(copies, part10(image())), odd)
    copies.attributes(odd)

    assert isinstance(found, CopyDifference)


def test_a_lost_or_altered_file_is_not_comparable(copies: SpoolCopies) -> None:
    one, other = put(copies, part10(image())), put(copies, part10(changed(PatientID="X")))
    copies._spool.path(other.spool_key).write_bytes(part10(image()))
    altered = copies.compare(one, other)
    copies.remove(other.spool_key)

    assert altered.pixels is PixelComparison.UNREADABLE
    assert copies.compare(one, other).pixels is PixelComparison.UNREADABLE
    assert copies.attributes(other) == ()


def test_a_copy_put_beside_the_first_is_then_a_repetition_when_it_comes_again(copies: SpoolCopies) -> None:
    spool = copies._spool
    first, second = part10(image()), part10(changed(PatientID="X"))
    for content in (first, second):
        incoming = spool.receive()
        incoming.write(content)
        incoming.keep(UID)
    held = incoming.quarantine()
    incoming.discard()

    key, syntax = copies.put_beside(StoredCopy(UID, uid(1, 1), held.key, held.sha256))
    copies.remove(held.key)
    again = spool.receive()
    again.write(second)
    kept = again.keep(UID)

    assert (kept.outcome, kept.key, kept.sha256) == (Kept.REPEATED, key, held.sha256)
    assert (spool.existing(key).read_bytes(), syntax) == (second, "1.2.840.10008.1.2.1")
    assert spool.existing(spool.key_of(UID)).read_bytes() == first
    assert list((spool.root / "incoming").iterdir()) == []


def test_where_there_are_no_hard_links_the_file_is_copied_whole(
    copies: SpoolCopies, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError

    copy = put(copies, part10(image()))
    monkeypatch.setattr(os, "link", no_links)

    key, _syntax = copies.put_beside(copy)

    assert copies._spool.existing(key).read_bytes() == part10(image())
    assert copies._spool.existing(copy.spool_key).is_file()
    assert list((copies._spool.root / "incoming").iterdir()) == []


def test_a_kept_file_is_read_again_as_its_reception_read_it(copies: SpoolCopies) -> None:
    stated, head = read_again(copies._spool.existing(put(copies, part10(image())).spool_key))

    assert (stated.sop_instance_uid, stated.transfer_syntax_uid) == (UID, "1.2.840.10008.1.2.1")
    assert (head.study_uid, head.series_uid, head.manufacturer) == (uid(1), uid(1, 1), "Phantom")


@pytest.mark.parametrize("content", [b"", b"no file of ours", part10(image())[:200], encoded(image())])
def test_what_is_no_file_of_a_reception_is_unparsable(copies: SpoolCopies, content: bytes) -> None:
    with pytest.raises(InstanceUnparsable):
        read_again(copies._spool.existing(put(copies, content).spool_key))


def test_a_missing_file_is_named(copies: SpoolCopies, tmp_path: Path) -> None:
    with pytest.raises(SpoolObjectMissing):
        read_again(tmp_path / "none.dcm")
