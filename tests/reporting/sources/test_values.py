from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import validate_value

from trabecula.reporting.sources.headers import INHERITED
from trabecula.reporting.sources.items import ITEM_SHAPES
from trabecula.reporting.sources.values import VERBATIM, in_parts, is_valid, plain_text, repaired

REPAIRS = [
    ("StudyDate", "2026-01-05", "20260105"),
    ("StudyDate", "2026.01.05", "20260105"),
    ("StudyDate", "2026/01/05", "20260105"),
    ("StudyDate", "20260105090000.000000", "20260105"),
    ("StudyDate", "05.01.2026", ""),
    ("StudyDate", "01/05/2026", ""),
    ("StudyDate", "20260230", ""),
    ("StudyDate", "00000000", ""),
    ("StudyDate", "2026", ""),
    ("PatientBirthDate", "99991231", ""),
    ("StudyTime", "09:00:00", "090000"),
    ("StudyTime", "9:00", "0900"),
    ("StudyTime", "090000.1234567", "090000.123456"),
    ("StudyTime", "090000.", "090000"),
    ("StudyTime", "235960", "235959"),
    ("StudyTime", "24:00:00", ""),
    ("StudyTime", "9 Uhr", ""),
    ("TimezoneOffsetFromUTC", "+9:00", "+0900"),
    ("TimezoneOffsetFromUTC", "+9", "+0900"),
    ("TimezoneOffsetFromUTC", "-05:30", "-0530"),
    ("TimezoneOffsetFromUTC", "Z", "+0000"),
    ("TimezoneOffsetFromUTC", "-0000", "+0000"),
    ("TimezoneOffsetFromUTC", "0900", ""),
    ("TimezoneOffsetFromUTC", "+1530", ""),
    ("TimezoneOffsetFromUTC", "CET", ""),
    ("PatientSex", "f", "F"),
    ("PatientSex", "Male", "M"),
    ("PatientSex", "W", ""),
    ("PatientSex", "U", ""),
    ("PatientAge", "68Y", "068Y"),
    ("PatientAge", "068y", "068Y"),
    ("PatientAge", "68", ""),
    ("PatientAge", "1234Y", ""),
    ("PatientSize", "1,75", "1.75"),
    ("PatientSize", "1.75 m", ""),
    ("PatientSize", "nan", ""),
    ("PatientWeight", "70.123456789012321", "70.1234567890123"),
    ("SliceThickness", "abc", ""),
    ("PatientIdentityRemoved", "yes", "YES"),
    ("PatientName", "A^B^C^D^E^F", "A^B^C^D^E F"),
    ("PatientName", "A\\B", "A B"),
    ("PatientName", "x" * 70, "x" * 64),
    ("PatientName", "A=B=C=D", "A=B=C"),
    ("PatientName", "山" * 70, "山" * 21),
    ("StudyDescription", "a\x01b\nc", "a b c"),
    ("StudyDescription", "x" * 70, "x" * 64),
    ("StationName", "x" * 17, "x" * 16),
    ("Modality", "ct", "CT"),
    ("AdmissionID", "x" * 70, ""),
    ("RequestedProcedureID", "x" * 17, ""),
    ("CodeValue", "LONGLOCALCODEVALUE-OVER-16", ""),
    ("ReferencedSOPInstanceUID", "1.02.3", ""),
    ("ReferencedSOPInstanceUID", "1.2." + "3" * 70, ""),
    ("ReferencedSOPInstanceUID", "1.2.3\0", "1.2.3"),
    ("PatientID", "P" * 80, "P" * 80),
    ("AccessionNumber", "A" * 24, "A" * 24),
]

KEYWORDS = sorted(
    {*INHERITED, *(keyword for shape in ITEM_SHAPES.values() for keyword in shape.keywords)} - set(ITEM_SHAPES)
)
VALUES = st.one_of(
    st.text(max_size=90),
    st.from_regex(r"\A[0-9]{1,4}[-./: ]?[0-9]{1,2}[-./: ]?[0-9]{1,2}(\.[0-9]*)?\Z"),
    st.from_regex(r"\A[+-]?[0-9]{1,20}[.,]?[0-9]{0,20}([eE][+-]?[0-9]{1,4})?\Z"),
    st.from_regex(r"\A[0-9.]{1,70}\Z"),
    st.from_regex(r"\A[A-Za-z^=\\ ]{1,200}\Z"),
    st.from_regex(r"\A[0-9]{1,4}[dwmyDWMY]?\Z"),
)


@pytest.mark.parametrize(("keyword", "value", "expected"), REPAIRS)
def test_values_are_repaired_or_left_out(keyword: str, value: str, expected: str) -> None:
    assert repaired(keyword, value) == expected
    assert is_valid(keyword, value) == (expected == value.strip("\0") and keyword not in VERBATIM)


@given(st.sampled_from([keyword for keyword in KEYWORDS if keyword not in VERBATIM]), VALUES)
def test_what_is_written_is_valid_whatever_came(keyword: str, value: str) -> None:
    """pydicom's own checks of PS3.5 6.2 are the judge."""
    found = repaired(keyword, value)

    if found:
        validate_value(dictionary_VR(keyword), found, config.RAISE)
    assert repaired(keyword, found) == found
    assert "\\" not in found or dictionary_VR(keyword) in ("UT", "ST", "LT")


@given(st.sampled_from(sorted(VERBATIM)), VALUES)
def test_what_identifies_stays_as_it_came(keyword: str, value: str) -> None:
    assert repaired(keyword, value) == value.strip("\0 ")


@given(st.dates().filter(lambda day: 1000 <= day.year < 3000).map(lambda day: f"{day:%Y%m%d}"))
def test_valid_dates_stay(text: str) -> None:
    assert repaired("StudyDate", text) == text
    assert repaired("StudyDate", f"{text[:4]}-{text[4:6]}-{text[6:]}") == text


@given(st.times().map(lambda moment: f"{moment:%H%M%S.%f}"))
def test_valid_times_stay(text: str) -> None:
    assert repaired("StudyTime", text) == text
    assert repaired("StudyTime", f"{text[:2]}:{text[2:4]}:{text[4:]}") == text


def test_a_long_text_becomes_several_values_where_it_may() -> None:
    assert [len(part) <= 64 for part in in_parts("DeidentificationMethod", "names, dates; " * 9)] == [True, True]
    assert in_parts("StudyDescription", "names, dates; " * 9) == ["names, dates; " * 9]


def test_a_text_keeps_its_lines_and_loses_control_characters() -> None:
    assert plain_text("one\r\ntwo\x00\x1b\x9c") == "one\r\ntwo   "
