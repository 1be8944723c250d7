"""Headers to frames: odd values, character sets, Enhanced multi-frame, patients; and bytes that are no DICOM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.imaging.drawn_series import CT_TAGS, MR_TAGS, axial, sagittal, write_enhanced, write_stack
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.header_values import Lookup, integer, number, numbers, text, words
from trabecula.imaging.headers.frames import lenient, read_headers, scan_folder, study_of


def test_a_classic_series_gives_one_frame_a_file(tmp_path: Path) -> None:
    geometry = axial((6, 8, 10), (3.0, 0.7, 0.8))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, CT_TAGS)
    frames, patient, unreadable = read_headers(scan_folder(tmp_path))
    assert len(frames) == 6
    assert unreadable == ()
    assert frames[0].orientation == (1, 0, 0, 0, 1, 0)
    assert frames[0].pixel_spacing == (0.7, 0.8)
    assert (frames[0].rows, frames[0].columns) == (8, 10)
    assert frames[0].acquisition.kvp == 120.0
    assert frames[0].acquisition.kernel == ("B30f",)
    assert patient.sex == "F"
    assert patient.age_years == pytest.approx(70.0, abs=0.01)


def test_values_written_oddly_are_read(tmp_path: Path) -> None:
    geometry = sagittal((2, 8, 8), (4.0, 1.0, 1.0))
    path = write_stack(tmp_path, np.zeros(geometry.shape), geometry, MR_TAGS)[0]
    dataset = dcmread(path)
    raw = path.read_bytes().replace(b"600 ", b"0510").replace(b"Avanto", b"Ava\xe4to")
    path.write_bytes(raw)
    frames, _, _ = read_headers(scan_folder(tmp_path))
    assert frames[0].acquisition.repetition_time == 510.0
    assert dataset.EchoTime == 10


@pytest.mark.parametrize(
    ("charset", "encoded", "expected"),
    [
        (["", "ISO 2022 IR 87"], b"\x1b$B9xDG\x1b(B T1", "腰椎 T1"),
        (["ISO_IR 192"], "Wirbelsäule T1".encode(), "Wirbelsäule T1"),
        (["GB18030"], "腰椎 T1".encode("gb18030"), "腰椎 T1"),
        (["ISO-IR 58"], "腰椎 T1".encode("gbk"), "腰椎 T1"),
        (["UTF-8"], "腰椎 T1".encode(), "腰椎 T1"),
        (["ISO 8859-1"], "Wirbelsäule T1".encode("latin-1"), "Wirbelsäule T1"),
        (["SHIFT_JIS"], "腰椎 T1".encode("shift_jis"), "腰椎 T1"),
        (["ISO_IR 144"], "поясничный T1".encode("iso8859_5"), "поясничный T1"),
    ],
)
def test_descriptions_in_other_character_sets(
    tmp_path: Path, charset: list[str], encoded: bytes, expected: str
) -> None:
    geometry = sagittal((1, 8, 8), (4.0, 1.0, 1.0))
    padded = encoded + b" " * (len(encoded) % 2)
    tags = {**MR_TAGS, "SpecificCharacterSet": charset, "SeriesDescription": "X" * len(padded)}
    with lenient():
        path = write_stack(tmp_path, np.zeros(geometry.shape), geometry, tags)[0]
    path.write_bytes(path.read_bytes().replace(b"X" * len(padded), padded))
    frames, _, _ = read_headers(scan_folder(tmp_path))
    assert frames[0].acquisition.description == expected


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        ({"PatientBirthDate": "", "PatientAge": "042Y"}, 42.0),
        ({"PatientBirthDate": "", "PatientAge": "018M"}, 1.5),
        ({"PatientBirthDate": "", "PatientAge": ""}, None),
        ({"PatientBirthDate": "20300101", "PatientAge": "050Y"}, 50.0),
    ],
)
def test_the_age_comes_from_dates_or_else_from_the_age(
    tmp_path: Path, tags: dict[str, object], years: float | None
) -> None:
    geometry = axial((1, 8, 8), (3.0, 1.0, 1.0))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, {**CT_TAGS, **tags})
    _, patient, _ = read_headers(scan_folder(tmp_path))
    assert patient.age_years == years


@pytest.mark.parametrize("orientation", [["1", "0", "0", "1", "0", "0"], ["0"] * 6, ["1", "0", "0"]])
def test_an_orientation_that_is_none_is_not_taken(tmp_path: Path, orientation: list[str]) -> None:
    geometry = axial((1, 8, 8), (3.0, 1.0, 1.0))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, {**CT_TAGS, "ImageOrientationPatient": orientation})
    frames, _, _ = read_headers(scan_folder(tmp_path))
    assert frames[0].orientation is None


def test_an_enhanced_image_gives_a_frame_each(tmp_path: Path) -> None:
    geometry = sagittal((6, 8, 8), (4.0, 1.0, 1.0))
    path = write_enhanced(tmp_path / "e.dcm", np.zeros(geometry.shape), geometry, [3, 1, 2, 0, 5, 4])
    file = scan_folder(path)[0]
    frames, _, _ = read_headers([file])
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5, 6]
    made = frames[0].acquisition
    assert (made.repetition_time, made.echo_time, made.scanning_sequence) == (600.0, 10.0, ("SE",))
    assert frames[1].position == pytest.approx(tuple(geometry.to_lps(np.array([1.0, 0.0, 0.0]))))
    assert study_of(file) == "2.25.1"


def test_functional_groups_come_before_the_data_set() -> None:
    own, common, top = Dataset(), Dataset(), Dataset()
    plane = Dataset()
    plane.ImagePositionPatient = [1, 2, 3]
    own.PlanePositionSequence = Sequence([plane])
    measures = Dataset()
    measures.PixelSpacing = [0.5, 0.5]
    common.PixelMeasuresSequence = Sequence([measures])
    top.PixelSpacing = [9, 9]
    top.KVP = "120"
    lookup = Lookup(top, (own, common))
    assert numbers(lookup, "ImagePositionPatient", 3) == (1.0, 2.0, 3.0)
    assert numbers(lookup, "PixelSpacing", 2) == (0.5, 0.5)
    assert number(lookup, "KVP") == 120.0
    assert integer(lookup, "Rows") is None
    assert text(lookup, "Manufacturer") == ""
    assert words(lookup, "ImageType") == ()


def test_files_that_are_no_dicom_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("words")
    (tmp_path / "empty").write_bytes(b"")
    geometry = axial((2, 8, 8), (3.0, 1.0, 1.0))
    write_stack(tmp_path / "deep" / "er", np.zeros(geometry.shape), geometry, CT_TAGS)
    assert len(scan_folder(tmp_path)) == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_break_the_reading(tmp_path: Path, data: st.DataObject) -> None:
    geometry = axial((1, 4, 4), (3.0, 1.0, 1.0))
    path = write_stack(tmp_path, np.zeros(geometry.shape), geometry, CT_TAGS)[0]
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(140, len(content)))]
    path.write_bytes(bytes(content))
    frames, _, unreadable = read_headers([StoredFile(str(path), "1", "2", "3")])
    assert len(frames) + len(unreadable) <= 1
    scan_folder(tmp_path)
