"""The patient's facts in the headers: age at the study, sex, weight and height."""

from __future__ import annotations

from datetime import date, datetime

from pydicom.dataset import Dataset

from trabecula.analysis.acquisition import Patient
from trabecula.analysis.header_values import Lookup, number, text


def patient_of(dataset: Dataset) -> Patient:
    """Return the facts of one data set."""
    lookup = Lookup(dataset)
    sex = text(lookup, "PatientSex").upper()
    return Patient(
        _age(lookup),
        sex if sex in ("F", "M") else "",
        number(lookup, "PatientWeight") or None,
        number(lookup, "PatientSize") or None,
    )


def completed(known: Patient, other: Patient) -> Patient:
    """Return the known facts, completed by those of another image."""
    return Patient(
        known.age_years if known.age_years is not None else other.age_years,
        known.sex or other.sex,
        known.weight_kg or other.weight_kg,
        known.height_m or other.height_m,
    )


_AGE_UNITS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def _age(lookup: Lookup) -> float | None:
    """Age at the study from Birth Date and Study Date, else from Patient's Age (``042Y``)."""
    born, studied = _date(text(lookup, "PatientBirthDate")), _date(text(lookup, "StudyDate"))
    if born and studied and 0 <= (studied - born).days < 365.25 * 130:
        return (studied - born).days / 365.25
    age = text(lookup, "PatientAge").upper()
    if len(age) >= 2 and age[:-1].isdigit() and age[-1] in _AGE_UNITS:
        return int(age[:-1]) * _AGE_UNITS[age[-1]]
    return None


def _date(value: str) -> date | None:
    try:
        return datetime.strptime(value[:8], "%Y%m%d").date()
    except ValueError:
        return None
