"""Workbooks: the first sheet, typed; what is no table is told in one line."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.domain.spreadsheet import NoTable
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.cohort.tables import read_table_file
from trabecula_training.features.reading import load_features
from trabecula_training.problems import blocking

HEADING = ("Patient", "T-Score", "Age (years)", "sex", "postmenopausal", "study_date", "weight_kg", "site")


def workbook(path: Path, *rows: tuple[object, ...], more: int = 0) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Kohorte"
    for row in rows:
        sheet.append(row)
    for number in range(more):
        book.create_sheet(f"other {number}").append(("nothing",))
    book.save(path)
    return path


def test_a_workbook_is_a_cohort_with_its_numbers_days_and_words(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "cohort.xlsx",
        HEADING,
        (1, -2.7, 71, "F", True, datetime(2026, 3, 4), 58.5, "Süd"),
        (),
        ("p2", -0.4, 66.5, "m", None, date(2026, 3, 5), None, "north"),
        more=2,
    )

    reading = read_cohort(path, need_studies=False)

    first, second = reading.cohort.patients
    assert not blocking(reading.problems)
    assert [problem.found for problem in reading.problems] == ["a workbook: sheet Kohorte, the first of 3 was read"]
    assert (first.patient, first.t_score, first.age_years, first.postmenopausal) == ("1", -2.7, 71.0, True)
    assert (first.study_date, first.weight_kg, first.site) == (date(2026, 3, 4), 58.5, "Süd")
    assert (second.patient, second.age_years, second.weight_kg) == ("p2", 66.5, None)
    assert reading.lines == {"1": 2, "p2": 4}


def test_a_score_that_excel_made_a_day_is_wrong_in_its_line(tmp_path: Path) -> None:
    path = workbook(tmp_path / "cohort.xlsx", HEADING, ("p1", datetime(2026, 5, 2), 71, "F", None, None, None, ""))

    found = [(item.line, item.column, item.found) for item in blocking(read_cohort(path, need_studies=False).problems)]

    assert found[0] == (2, "t_score", "2026-05-02 is not a number")


def test_a_feature_table_may_be_a_workbook(tmp_path: Path) -> None:
    rows = [("patient", "level", "role", "f1", "f2"), ("p1", "L1", "CT", 1.25, 3), ("p1", "L2", "CT", None, -1e-9)]

    table = load_features(workbook(tmp_path / "features.xlsx", *rows))

    assert table.names == ("f1", "f2")
    np.testing.assert_array_equal(table.values, [[1.25, 3.0], [np.nan, -1e-9]])


def test_a_formula_that_nobody_computed_is_not_an_empty_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "cohort.xlsx", HEADING, ("p1", "=1+1", 71, "F", None, None, None, ""))

    with pytest.raises(NoTable, match="line 2, column 2 holds a formula without its result"):
        read_table_file(path)


def zipped(**parts: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, text in parts.items():
            packed.writestr(name.replace("__", "/").replace("_", "."), text)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument workbook (.ods)"),
        (b"\xd0\xcf\x11\xe0 rest", "an old workbook (.xls) or a locked one"),
        (zipped(notes_txt="words"), "a zip file, no table"),
        (zipped(xl__workbook_xml="<broken"), "a damaged workbook (.xlsx)"),
        (b"PK\x03\x04 cut off", "a damaged workbook or zip file"),
        (b"%PDF-1.7", "a PDF file"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "cohort.xlsx").write_bytes(content)

    reading = read_cohort(tmp_path / "cohort.xlsx", need_studies=False)

    (problem,) = reading.problems
    assert words in problem.found
    assert problem.blocking
    assert "(.xlsx)" in problem.remedy


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 5000), value=st.integers(0, 255))
def test_a_changed_byte_gives_a_table_or_words_and_never_another_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    path = workbook(tmp_path_factory.getbasetemp() / "bytes.xlsx", HEADING, ("p1", 1.0, 71, "F"))
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)

    with suppress(NoTable):
        assert all(row.line >= 1 for row in read_table_file(path).rows)
