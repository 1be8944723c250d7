"""Reference measurements as CSV: what is right is read, what is wrong is told line by line."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite
from trabecula.ledger.references.reference_csv import COLUMNS, read_references

TODAY = date(2026, 6, 1)
HEADING = "patient_id,measured_on,method,site,t_score,z_score,value,unit"


def read(*lines: str, heading: str = HEADING) -> tuple[dict[int, Reference], list[tuple[int, str, str]]]:
    reading = read_references("\n".join((heading, *lines)).encode(), TODAY)
    told = [(problem.line, problem.column, problem.found) for problem in reading.problems]
    return dict(reading.references), told


def test_dxa_and_qct_are_read_with_their_units_and_sites() -> None:
    references, problems = read(
        "A1,2026-01-31,DXA,L1-L4,-2.6,-1.1,0.781,g/cm2", "A2,31.01.2026,qct,,,,74.5,mg/ml", "A3,20260131,DXA,neck,-1,,,"
    )

    assert problems == []
    day = date(2026, 1, 31)
    spine, neck = ReferenceSite.LUMBAR_SPINE, ReferenceSite.FEMORAL_NECK
    assert references == {
        2: Reference(
            patient_id="A1",
            measured_on=day,
            method=ReferenceMethod.DXA,
            site=spine,
            t_score=-2.6,
            z_score=-1.1,
            value=0.781,
        ),
        3: Reference(patient_id="A2", measured_on=day, method=ReferenceMethod.QCT, site=spine, value=74.5),
        4: Reference(patient_id="A3", measured_on=day, method=ReferenceMethod.DXA, site=neck, t_score=-1.0),
    }


def test_semicolons_decimal_commas_and_the_facts_of_a_report_are_read() -> None:
    heading = "patient_id;measured_on;method;site;t_score;height_cm;weight_kg;postmenopausal;issuer;device"

    references, problems = read("A1;2026-01-31;DXA;hip;-2,5;161,5;58;yes;HOSP;Lunar", heading=heading)

    assert problems == []
    assert references[2].t_score == -2.5
    assert (references[2].height_cm, references[2].weight_kg, references[2].postmenopausal) == (161.5, 58.0, True)
    assert (references[2].issuer, references[2].device) == ("HOSP", "Lunar")


@pytest.mark.parametrize(
    ("line", "column", "found"),
    [
        (",2026-01-31,DXA,spine,-1,,,", "patient_id", "empty"),
        ("A1,01/31/2026,DXA,spine,-1,,,", "measured_on", "01/31/2026"),
        ("A1,2026-06-02,DXA,spine,-1,,,", "measured_on", "2026-06-02 is not possible"),
        ("A1,1950-01-01,DXA,spine,-1,,,", "measured_on", "1950-01-01 is not possible"),
        ("A1,2026-01-31,MRI,spine,-1,,,", "method", "mri"),
        ("A1,2026-01-31,DXA,,-1,,,", "site", "empty"),
        ("A1,2026-01-31,DXA,ankle,-1,,,", "site", "ankle"),
        ("A1,2026-01-31,DXA,spine,-25,,,", "t_score", "-25 is not possible"),
        ("A1,2026-01-31,QCT,,,,0.095,mg/cm3", "value", "0.095 is too small for mg/cm3; g/cm3 suspected"),
        ("A1,2026-01-31,QCT,,,,-0.012,", "value", "-0.012 is too small for mg/cm3; g/cm3 suspected"),
        ("A1,2026-01-31,QCT,,,,4,mg/cm3", "value", "4 is too small for mg/cm3"),
        ("A1,2026-01-31,QCT,,,,0.095,g/cm3", "unit", "g/cm3"),
        ("A1,2026-01-31,DXA,spine,low,,,", "t_score", "low is not a number"),
        ("A1,2026-01-31,DXA,spine,nan,,,", "t_score", "nan is not a number"),
        ("A1,2026-01-31,DXA,spine,,,781,mg/cm2", "unit", "mg/cm2"),
        ("A1,2026-01-31,DXA,spine,,,78.1,", "value", "78.1 is not possible"),
        ("A1,2026-01-31,QCT,spine,,,0.78,g/cm2", "unit", "g/cm2"),
        ("A1,2026-01-31,QCT,spine,,,,", "value", "empty"),
        ("A1,2026-01-31,QCT,spine,-2,,80,", "t_score / z_score", "given for QCT"),
        ("A1,2026-01-31,DXA,spine,,,,", "t_score", "no value at all"),
        ("A1,2026-01-31,DXA", "", "3 cells"),
    ],
)
def test_a_line_that_is_wrong_is_told_with_its_column(line: str, column: str, found: str) -> None:
    references, problems = read("A0,2026-01-31,DXA,spine,-1,,,", line)

    assert list(references) == [2]
    assert (3, column, found) in problems


@pytest.mark.parametrize(("method", "value", "unit"), [("QCT", "0.0494", "g/cm3"), ("DXA", "860", "mg/cm2")])
def test_a_wrong_unit_is_one_problem_and_no_second(method: str, value: str, unit: str) -> None:
    heading = "patient_id,measured_on,method,site,value,unit"
    _, problems = read(f"A1,2026-01-31,{method},spine,{value},{unit}", heading=heading)

    assert problems == [(2, "unit", unit)]


def test_a_measurement_that_stands_twice_is_told_with_the_first_line() -> None:
    references, problems = read("A1,2026-01-31,DXA,spine,-1,,,", "A1,20260131,DXA,l1-l4,-1.2,,,")

    assert list(references) == [2]
    assert problems == [(3, "patient_id", "the same patient, date, method and site as line 2")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "not CSV"),
        (b"patient_id,measured_on\n", "missing"),
        (b"patient_id,measured_on,method,bmi\n", "not known"),
        (b"patient_id,measured_on,method,method\n", "twice"),
        (b"patient_id,measured_on,method\n", "no measurements"),
    ],
)
def test_a_file_that_is_none_says_so(content: bytes, told: str) -> None:
    reading = read_references(content, TODAY)

    assert reading.references == {}
    assert told in reading.problems[0].found


@given(st.binary(max_size=300))
def test_any_bytes_give_references_or_problems(content: bytes) -> None:
    reading = read_references(content, TODAY)

    assert reading.references or reading.problems


@given(st.lists(st.lists(st.text(max_size=12), min_size=len(COLUMNS), max_size=len(COLUMNS)), max_size=4))
def test_what_a_problem_says_never_names_the_patient(rows: list[list[str]]) -> None:
    lines = [",".join(["Geheim^Name", *(cell.replace(",", "").replace('"', "") for cell in row[1:])]) for row in rows]

    reading = read_references("\n".join([",".join(COLUMNS), *lines]).encode("utf-8", "replace"), TODAY)

    assert not any("Geheim" in f"{item.found}{item.next_step}" for item in reading.problems)


def test_a_hint_for_the_separator_and_empty_columns_are_no_problem_and_a_nameless_one_is() -> None:
    table = "patient_id;measured_on;method;value;;\nA1;2026-01-31;QCT;74,5;;\nA2;2026-01-31;QCT;-12;;\n"

    reading = read_references(("sep=;\r\n" + table).encode(), TODAY)
    nameless = read_references(table.replace("74,5;;", "74,5;x;").encode(), TODAY)

    assert reading.problems == ()
    assert {line: reference.value for line, reference in reading.references.items()} == {3: 74.5, 4: -12.0}
    assert [(problem.column, problem.found) for problem in nameless.problems] == [
        ("column 5", "the column has no name")
    ]
