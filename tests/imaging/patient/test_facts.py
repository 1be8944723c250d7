"""One patient out of many headers: who contradicts whom, which age counts, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.imaging.drawn_series import CT_TAGS, axial, write_stack
from trabecula.domain.results.reasons import ReasonCode
from trabecula.imaging.acquisition import StatedPatient
from trabecula.imaging.headers.frames import lenient, read_headers, scan_folder
from trabecula.imaging.patient.facts import one_patient
from trabecula.imaging.patient.headers import patient_header

HER = {
    "PatientID": "A-1",
    "PatientName": "MUSTER^EVA",
    "PatientBirthDate": "19580102",
    "PatientSex": "F",
    "PatientAge": "068Y",
    "StudyDate": "20260105",
    "SeriesNumber": "2",
    "SeriesInstanceUID": "2.25.2",
}


def person(*changes: dict[str, object]) -> StatedPatient:
    """The patient of one image of HER for each set of changes; the second is of series 9."""
    headers = []
    for index, change in enumerate(changes):
        place = {"SeriesNumber": "9", "SeriesInstanceUID": "2.25.9"} if index else {}
        dataset = Dataset()
        with lenient():
            for keyword, value in {**HER, **place, **change}.items():
                setattr(dataset, keyword, value)
            headers.append(patient_header(dataset))
    return one_patient(headers)


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ({}, {"PatientID": "OTHER-0001"}, ("Patient ID",)),
        ({}, {"PatientID": "OTHER-0001", "PatientSex": "M"}, ("Patient ID", "Sex")),
        ({}, {"PatientBirthDate": "19500101"}, ("Birth Date",)),
        ({}, {"PatientBirthDate": "1950-01-01"}, ("Birth Date",)),
        ({}, {"PatientSex": "male"}, ("Sex",)),
        ({"PatientID": ""}, {"PatientSex": "M"}, ("Sex",)),
        ({"IssuerOfPatientID": "X"}, {"PatientID": "A-2"}, ("Patient ID",)),
        (
            {"IssuerOfPatientID": "X"},
            {"PatientID": "A-2", "IssuerOfPatientID": "Y", "PatientName": "OTHER"},
            ("Patient ID",),
        ),
        (
            {"IssuerOfPatientID": "X", "PatientBirthDate": ""},
            {"IssuerOfPatientID": "Y"},
            ("Issuer of Patient ID",),
        ),
        ({"PatientID": "007", "PatientSex": ""}, {"PatientID": "7"}, ("Patient ID",)),
        ({"PatientID": "12-345", "PatientBirthDate": ""}, {"PatientID": "12345"}, ("Patient ID",)),
        ({"PatientID": "12-345"}, {"PatientID": "12346"}, ("Patient ID",)),
        ({"PatientID": "120-345"}, {"PatientID": "12-345"}, ("Patient ID",)),
        ({"PatientID": "12-345"}, {"PatientID": "12345", "PatientBirthDate": "19500103"}, ("Patient ID", "Birth Date")),
        ({"PatientID": "---"}, {"PatientID": "."}, ("Patient ID",)),
    ],
)
def test_two_people_are_told_with_their_series_and_give_no_fact(
    first: dict[str, object], second: dict[str, object], named: tuple[str, ...]
) -> None:
    found = person(first, second)
    conflict = found.conflict
    assert conflict is not None
    assert conflict.code is ReasonCode.PATIENT_CONFLICT
    assert conflict.detail.startswith(", ".join(named) + " differ")
    assert "series 2" in conflict.detail
    assert "series 9" in conflict.detail
    assert not any(word in conflict.detail for word in ("A-1", "A-2", "OTHER", "MUSTER", "1958", "1950"))
    assert (found.age_years, found.sex, found.weight_kg) == (None, "", None)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"PatientName": "MUSTER, EVA"}),
        ({}, {"PatientName": "MÜSTER^EVA^^DR"}),
        ({}, {"PatientID": " a-1 "}),
        ({}, {"PatientID": ""}),
        ({}, {"PatientBirthDate": "", "PatientSex": ""}),
        ({}, {"PatientBirthDate": "1958.01.02"}),
        ({}, {"PatientBirthDate": "19000101"}),
        ({}, {"PatientBirthDate": "20260105"}),
        ({}, {"PatientSex": "f"}),
        ({}, {"IssuerOfPatientID": "HOSPITAL"}),
        ({"IssuerOfPatientID": "HOSPITAL"}, {"IssuerOfPatientID": "CITY"}),
        ({"IssuerOfPatientID": "HOSPITAL"}, {"PatientID": "B-7", "IssuerOfPatientID": "CITY"}),
        ({"IssuerOfPatientID": "HOSPITAL"}, {"PatientID": "A-1^^^HOSPITAL"}),
        ({"PatientID": "0012"}, {"PatientID": "12"}),
    ],
)
def test_one_person_spelt_in_two_ways_is_one(first: dict[str, object], second: dict[str, object]) -> None:
    for changes in ((first, second), (second, first)):
        found = person(*changes)
        assert found.conflict is None
        assert found.sex == "F"
        assert found.age_years == pytest.approx(68.0, abs=0.02)


@pytest.mark.parametrize(
    ("one", "other"),
    [("12-345", "12345"), ("12 345", "12345"), ("0012345", "12345"), ("MR-00123", "mr123"), ("A.12/3", "A123")],
)
def test_an_id_written_in_two_forms_is_one_person_and_told(one: str, other: str) -> None:
    found = person({"PatientID": one}, {"PatientID": other})
    assert found.conflict is None
    assert found.age_years == pytest.approx(68.0, abs=0.02)
    assert [(reason.code, reason.blocking) for reason in found.reasons] == [(ReasonCode.PATIENT_ID_FORMS, False)]
    assert one not in found.reasons[0].detail


@pytest.mark.parametrize(
    ("changes", "years"),
    [
        ({}, 68.0),
        ({"PatientAge": "067Y"}, 68.0),
        ({"PatientAge": "816M", "PatientBirthDate": ""}, 68.0),
        ({"PatientBirthDate": "", "PatientAge": "68"}, 68.0),
        ({"PatientBirthDate": "", "PatientAge": "068"}, 68.0),
        ({"PatientBirthDate": "", "PatientAge": " 68y"}, 68.0),
        ({"PatientBirthDate": "", "PatientAge": "068 Y"}, 68.0),
        ({"PatientBirthDate": "1958/01/02", "StudyDate": "2026-01-05", "PatientAge": ""}, 68.0),
        ({"PatientBirthDate": "02.01.1958", "PatientAge": ""}, 68.0),
        ({"PatientBirthDate": "19310102", "PatientAge": "090Y"}, 95.0),
        ({"PatientBirthDate": "20250705", "PatientAge": "006M"}, 0.5),
        ({"PatientBirthDate": "20260105", "PatientAge": "000D"}, 0.0),
        ({"PatientBirthDate": "19700101", "PatientAge": "056Y"}, 56.0),
        ({"PatientBirthDate": "", "PatientAge": "", "StudyDate": ""}, None),
        ({"PatientBirthDate": "195", "PatientAge": "old"}, None),
    ],
)
def test_ages_that_agree_are_one_age(changes: dict[str, object], years: float | None) -> None:
    found = person(changes)
    assert found.age_years == (None if years is None else pytest.approx(years, abs=0.05))
    assert found.reasons == ()


@pytest.mark.parametrize(
    ("changes", "years", "told"),
    [
        ({"PatientBirthDate": "20260105"}, 68.0, "Birth Date is the day of the study; Patient's Age: 68 years counts"),
        ({"PatientBirthDate": "19000101"}, 68.0, "1900-01-01 stands for an unknown"),
        ({"PatientBirthDate": "00010101"}, 68.0, "0001-01-01 stands for an unknown"),
        ({"PatientBirthDate": "19700101"}, 68.0, "1970-01-01 stands for an unknown"),
        ({"PatientBirthDate": "20580102"}, 68.0, "Birth Date lies after the study"),
        ({"PatientBirthDate": "18900202"}, 68.0, "Birth Date gives 135 years"),
        ({"PatientAge": "000Y"}, 68.0, "Patient's Age is 0"),
        ({"PatientAge": "999Y"}, 68.0, "999 years is not plausible"),
        ({"PatientAge": "068M"}, 68.0, "another unit than years"),
        ({"PatientBirthDate": "19000101", "PatientAge": ""}, None, "1900-01-01 stands for an unknown"),
        ({"PatientBirthDate": "20260105", "PatientAge": ""}, None, "day of the study"),
        ({"PatientAge": "045Y"}, None, "Birth Date: 68 years; Patient's Age: 45 years; no age counts"),
        ({"PatientAge": "006Y"}, None, "Birth Date: 68 years; Patient's Age: 6 years; no age counts"),
        ({"PatientBirthDate": "20260101"}, None, "Birth Date: 0 years; Patient's Age: 68 years; no age counts"),
    ],
)
def test_ages_that_contradict_are_told(changes: dict[str, object], years: float | None, told: str) -> None:
    found = person(changes)
    assert found.age_years == (None if years is None else pytest.approx(years, abs=0.05))
    assert [(reason.code, reason.blocking) for reason in found.reasons] == [(ReasonCode.AGE_CONFLICT, False)]
    assert told in found.reasons[0].detail


@pytest.mark.parametrize(
    ("changes", "years", "told"),
    [
        ({"StudyDate": "20260104", "AcquisitionDate": "20260105"}, 68.0, ""),
        ({"AcquisitionDate": "20260105", "ContentDate": "20290105", "PatientAge": ""}, 68.0, ""),
        ({"StudyDate": "20000101", "AcquisitionDate": "20260105"}, 68.0, "2026-01-05 and 2000-01-01; Birth Date: 68"),
        ({"StudyDate": "20000101", "AcquisitionDate": "20260105", "PatientAge": ""}, None, "no age counts"),
        ({"StudyDate": "19000101", "SeriesDate": "20260105", "PatientAge": ""}, None, "no age counts"),
        ({"StudyDate": "20000101", "AcquisitionDate": "20260105", "PatientBirthDate": ""}, 68.0, ""),
    ],
)
def test_dates_of_a_study_that_contradict_give_no_age(
    changes: dict[str, object], years: float | None, told: str
) -> None:
    found = person(changes)
    assert found.age_years == (None if years is None else pytest.approx(years, abs=0.05))
    assert [reason.code for reason in found.reasons] == ([ReasonCode.AGE_CONFLICT] if told else [])
    assert not told or told in found.reasons[0].detail


def test_an_age_that_contradicts_may_be_a_childs() -> None:
    assert person({"PatientAge": "006Y"}).may_be_younger_than(18)
    assert not person({"PatientAge": "045Y"}).may_be_younger_than(18)
    assert not person({"PatientBirthDate": "20260105"}).may_be_younger_than(18)


def test_ages_of_other_images_count_too() -> None:
    blank = {"PatientBirthDate": "", "PatientAge": ""}
    assert person(blank, {"PatientBirthDate": ""}).age_years == 68.0
    other = person({"PatientBirthDate": ""}, {"PatientBirthDate": "", "PatientAge": "045Y"})
    assert other.age_years is None
    assert other.reasons[0].code is ReasonCode.AGE_CONFLICT
    year_later = {"StudyDate": "20280105", "PatientAge": "070Y"}
    assert person({}, year_later).reasons == ()


@pytest.mark.parametrize(
    ("sex", "expected", "recorded"),
    [("F", "F", "F"), ("f", "F", "F"), ("Female", "F", "F"), ("M", "M", "M"), ("weiblich", "F", "F"), ("女", "F", "F"),
     ("O", "", "O"), ("Other", "", "O"), ("", "", ""), ("?", "", "")],
)  # fmt: skip
def test_sex_in_other_spellings(sex: str, expected: str, recorded: str) -> None:
    found = person({"PatientSex": sex})
    assert (found.sex, found.sex_recorded) == (expected, recorded)


def test_o_beside_f_is_told_and_no_rule_of_a_sex_applies() -> None:
    found = person({}, {"PatientSex": "O"})
    assert found.conflict is None
    assert (found.sex, found.sex_recorded) == ("", "F/O")
    assert [(reason.code, reason.blocking) for reason in found.reasons] == [(ReasonCode.PATIENT_CONFLICT, False)]


def test_all_files_of_the_study_are_asked_not_the_first_alone(tmp_path: Path) -> None:
    geometry = axial((3, 8, 8), (3.0, 1.0, 1.0))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, {**CT_TAGS, "PatientID": "1"})
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, {**CT_TAGS, "PatientID": "2"}, first=10)
    _, patient, _ = read_headers(scan_folder(tmp_path))
    assert patient.conflict is not None
    assert patient.conflict.detail == "Patient ID differs within series 1"
