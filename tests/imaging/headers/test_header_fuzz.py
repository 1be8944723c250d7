"""Any header, however odd, ends in candidates or reasons: reading, splitting, choosing and accounting never raise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from trabecula.analysis.accounting import series_uses
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.headers.frames import frames_of
from trabecula.series.choice import choose

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"

_WORDS = st.sampled_from(
    ["", "NaN", "inf", "-inf", "1e999", "-1", "0", "abc", "1\\2\\3\\4\\5\\6\\7", "2.5", "1e30", "9" * 400]
)
_KEYWORDS = {
    "ImagePositionPatient": "DS",
    "ImageOrientationPatient": "DS",
    "PixelSpacing": "DS",
    "SliceThickness": "DS",
    "SpacingBetweenSlices": "DS",
    "RescaleSlope": "DS",
    "RescaleIntercept": "DS",
    "KVP": "DS",
    "EchoTime": "DS",
    "RepetitionTime": "DS",
    "InversionTime": "DS",
    "InstanceNumber": "IS",
    "AcquisitionNumber": "IS",
    "SeriesNumber": "IS",
    "NumberOfFrames": "IS",
    "TemporalPositionIdentifier": "IS",
    "ImageType": "CS",
    "ConvolutionKernel": "SH",
    "AcquisitionTime": "TM",
    "ContentTime": "TM",
    "Modality": "CS",
    "FrameOfReferenceUID": "UI",
    "ContrastBolusAgent": "LO",
    "SOPClassUID": "UI",
}


def dataset(index: int) -> Dataset:
    item = Dataset()
    item.SOPClassUID, item.SOPInstanceUID, item.SeriesInstanceUID = CT_CLASS, f"2.25.{index}", "2.25.1000"
    item.Modality, item.ImageType, item.KVP, item.SliceThickness = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "120", "2.5"
    item.Rows = item.Columns = 16
    item.PixelSpacing = [4.0, 4.0]
    item.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    item.ImagePositionPatient = [0, 0, 2.5 * index]
    item.InstanceNumber = index
    return item


def put(item: Dataset, keyword: str, value: str) -> None:
    """Set the bytes of a value as they would come in a file, whatever they are."""
    raw, number = value.encode("ascii"), Tag(tag_for_keyword(keyword) or 0)
    item[number] = RawDataElement(number, _KEYWORDS[keyword], len(raw), raw, 0, False, True)


_CHANGES = st.lists(
    st.tuples(st.integers(0, 39), st.integers(1, 40), st.sampled_from(sorted(_KEYWORDS)), _WORDS),
    min_size=1,
    max_size=6,
)


def check_account(frames: list[Frame]) -> None:
    """Choose among the frames, and account for all of them."""
    choice = choose(frames)
    measured = {candidate.role: candidate for candidate in choice.candidates[:1]}
    used, unused = series_uses(frames, (), choice, measured, ())
    images = {(frame.file.sop_instance_uid, frame.number) for frame in frames}
    assert sum({use.series_uid: use.images_total for use in (*used, *unused)}.values()) == len(images)
    for use in (*used, *unused):
        assert use.images_used == use.images_total or use.reasons
    for reason in choice.refused:
        assert reason.sentence


@settings(max_examples=40, deadline=None)
@given(_CHANGES)
def test_odd_values_in_some_slices_end_in_reasons(changes: list[tuple[int, int, str, str]]) -> None:
    items = [dataset(index) for index in range(40)]
    for first, count, keyword, value in changes:
        for item in items[first : first + count]:
            put(item, keyword, value)
    frames = [
        frame
        for index, item in enumerate(items)
        for frame in frames_of(item, StoredFile(f"/none/{index}", f"2.25.{index}", CT_CLASS, "2.25.1000"))[:50]
    ]
    check_account(frames)


def group(position: list[float] | None, kind: str, empty: bool) -> Dataset:
    item = Dataset()
    if empty:
        item.PlanePositionSequence = Sequence([])
        return item
    if position is not None:
        place = Dataset()
        place.ImagePositionPatient = position
        item.PlanePositionSequence = Sequence([place])
    frame_type = Dataset()
    frame_type.FrameType = ["ORIGINAL", "PRIMARY", kind]
    item.CTImageFrameTypeSequence = Sequence([frame_type])
    return item


@settings(max_examples=25, deadline=None)
@given(
    st.integers(-3, 60),
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["AXIAL", "WATER", "MIP", ""]), st.booleans()), min_size=0, max_size=50
    ),
)
def test_functional_groups_of_any_number_end_in_reasons(count: int, groups: list[tuple[bool, str, bool]]) -> None:
    item = dataset(1)
    del item.ImagePositionPatient
    item.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    item.NumberOfFrames = count
    item.PerFrameFunctionalGroupsSequence = Sequence(
        [group([0.0, 0.0, 2.5 * k] if placed else None, kind, empty) for k, (placed, kind, empty) in enumerate(groups)]
    )
    check_account(list(frames_of(item, StoredFile("/none/1", "2.25.1", item.SOPClassUID, "2.25.1000"))))


def test_a_huge_number_of_frames_is_a_damaged_value() -> None:
    item = dataset(1)
    put(item, "NumberOfFrames", "2000000000")
    frames = frames_of(item, StoredFile("/none/1", "2.25.1", CT_CLASS, "2.25.1000"))
    assert len(frames) <= 20_000
    assert choose(frames).candidates == ()
