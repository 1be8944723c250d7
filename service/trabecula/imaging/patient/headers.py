"""What one image says of its patient: identity, dates, recorded age, sex, weight and height, as it was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset

from trabecula.domain.uids import NO_SERIES, SeriesUid
from trabecula.imaging.header_values import Lookup, integer, number, text
from trabecula.imaging.words import is_term

_DATE = re.compile(r"^(\d{4})[-./ :]?(\d{2})[-./ :]?(\d{2})")
_GERMAN_DATE = re.compile(r"^(\d{2})\.(\d{2})\.(\d{4})$")
_AGE = re.compile(r"^(\d{1,3}(?:\.\d+)?) ?([YMWD]?)$")
_AGE_UNITS = {"Y": 1.0, "": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


@dataclass(frozen=True, kw_only=True)
class PatientHeader:
    """The patient module (PS3.3 C.7.1.1, C.7.2.2) of one image.

    ``patient_id`` and ``issuer`` are compared, never shown: case and outer blanks are gone. ``sex`` is F, M, O or
    empty; ``recorded_age`` is Patient's Age in years, ``age_number`` its number whatever its unit.
    ``studied`` is the day of acquisition as far as it is recorded, ``other_day`` the Study or Series Date farthest from
    it.
    """

    series_uid: SeriesUid = NO_SERIES
    series_number: int | None = None
    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    born: date | None = None
    studied: date | None = None
    other_day: date | None = None
    recorded_age: float | None = None
    age_number: float | None = None
    sex: str = ""
    weight_kg: float | None = None
    height_m: float | None = None

    @property
    def series(self) -> str:
        """The series as a person finds it."""
        return f"series {self.series_number}" if self.series_number is not None else f"series {self.series_uid}"


def patient_header(dataset: Dataset) -> PatientHeader:
    """Return what a data set says of its patient; never raises."""
    lookup = Lookup(dataset)
    patient_id, issuer = _identifier(text(lookup, "PatientID"), text(lookup, "IssuerOfPatientID"))
    recorded, as_number = _recorded_age(text(lookup, "PatientAge"))
    studied, other_day = _days(lookup)
    return PatientHeader(
        series_uid=SeriesUid(text(lookup, "SeriesInstanceUID")),
        series_number=integer(lookup, "SeriesNumber"),
        patient_id=patient_id,
        issuer=issuer,
        name=_plain(text(lookup, "PatientName")).strip("^ "),
        born=read_date(text(lookup, "PatientBirthDate")),
        studied=studied,
        other_day=other_day,
        recorded_age=recorded,
        age_number=as_number,
        sex=_sex(text(lookup, "PatientSex")),
        weight_kg=number(lookup, "PatientWeight") or None,
        height_m=number(lookup, "PatientSize") or None,
    )


def read_date(value: str) -> date | None:
    """Return a date written ``20260105``, ``2026-01-05``, ``2026.01.05``, ``2026/01/05`` or ``05.01.2026``."""
    value = value.strip()
    found = _DATE.match(value)
    german = _GERMAN_DATE.match(value)
    if found:
        year, month, day = (int(part) for part in found.groups())
    elif german:
        day, month, year = (int(part) for part in german.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _days(lookup: Lookup) -> tuple[date | None, date | None]:
    """The day of the images, the acquisition's first, and the one among the other dates that lies farthest from it.

    Content Date stands in for a missing date but contradicts none: old images are reformatted years later.
    """
    named = ("AcquisitionDate", "AcquisitionDateTime", "SeriesDate", "StudyDate")
    days = [day for keyword in named if (day := read_date(text(lookup, keyword))) is not None]
    if not days:
        return read_date(text(lookup, "ContentDate")), None
    return days[0], max(days[1:], key=lambda day: abs((day - days[0]).days), default=None)


def _recorded_age(value: str) -> tuple[float | None, float | None]:
    """Patient's Age (AS, ``042Y``) in years and its bare number; without a unit it is in years."""
    found = _AGE.match(_plain(value).upper())
    if found is None:
        return None, None
    amount = float(found[1])
    return amount * _AGE_UNITS[found[2]], amount


def _identifier(patient_id: str, issuer: str) -> tuple[str, str]:
    """Patient ID and issuer ready to compare; an identifier sent as HL7 CX (``123^^^HOSPITAL``) is taken apart."""
    parts = patient_id.split("^")
    if len(parts) > 3:
        issuer = issuer or parts[3].split("&")[0]
    return _plain(parts[0]), _plain(issuer)


def _plain(value: str) -> str:
    return " ".join(value.casefold().split())


def _sex(value: str) -> str:
    for sex, words in (("F", "sex_female"), ("M", "sex_male"), ("O", "sex_other")):
        if is_term((value,), words):
            return sex
    return ""
