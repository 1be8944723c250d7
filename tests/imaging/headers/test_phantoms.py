"""A phantom is known by any of its marks, a person by none."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from trabecula.imaging.header_values import Lookup
from trabecula.imaging.headers.phantoms import is_phantom


def header(**values: str) -> Lookup:
    dataset = Dataset()
    for keyword, value in {"PatientID": "4711", "PatientName": "Doe^Jane", **values}.items():
        setattr(dataset, keyword, value)
    return Lookup(dataset)


@pytest.mark.parametrize(
    "values",
    [
        {"PatientID": "PHANTOM-0001"},
        {"PatientName": "Phantom^QA"},
        {"IssuerOfPatientID": "TRABECULA PHANTOM"},
        {"PatientComments": "Digital phantom, not a person"},
        {"InstitutionName": "Digital phantom"},
        {"QualityControlImage": "YES"},
    ],
)
def test_one_mark_is_enough(values: dict[str, str]) -> None:
    assert is_phantom(header(**values))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"PatientName": "Phantomas^Ana"},
        {"PatientComments": "phantom pain after amputation"},
        {"InstitutionName": "Phantom Lake Hospital"},
        {"QualityControlImage": "NO"},
    ],
)
def test_people_are_no_phantoms(values: dict[str, str]) -> None:
    assert not is_phantom(header(**values))
