"""Phantom people: seeded, plausible, and linked to their images as strongly as physics says and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import rankdata

from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.phantom.anatomy_types import Sex
from trabecula.phantom.patient import (
    PhantomPatient,
    density_of_hu,
    expected_fat,
    fracture_probability,
    hu_of_density,
    sample_patient,
)


def area_under_curve(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    ranks = rankdata(score)
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(score) - count)))


def attenuation(people: list[PhantomPatient]) -> NDArray[np.float64]:
    return np.array([np.mean([person.bone[level].attenuation_hu for level in MEASURED_LEVELS]) for person in people])


@given(st.integers(0, 10**6), st.integers(0, 5000))
@settings(max_examples=40, deadline=None)
def test_everybody_is_possible_and_the_same_each_time(seed: int, number: int) -> None:
    person = sample_patient(seed, number)

    assert person == sample_patient(seed, number)
    assert 18 <= person.age_years <= 95
    assert 130 < person.height_cm < 205
    assert 30 < person.weight_kg < 180
    assert all(0.05 <= bone.fat_fraction <= 0.9 for bone in person.bone.values())
    assert all(-80 < bone.attenuation_hu < 420 for bone in person.bone.values())
    assert -8 < person.reference.t_score < 8


def test_what_is_given_is_kept() -> None:
    person = sample_patient(1, 2, sex=Sex.MALE, age_years=44, density_l1=133.0)

    assert (person.sex, person.age_years) == (Sex.MALE, 44)
    assert person.bone[Level.L1].density == pytest.approx(133.0, abs=20.0)


@pytest.mark.parametrize(("density", "attenuation_hu"), [(150.0, 196.0), (100.0, 126.0), (65.0, 78.0), (45.0, 50.0)])
def test_the_density_line_gives_the_published_classes(density: float, attenuation_hu: float) -> None:
    assert hu_of_density(density) == pytest.approx(attenuation_hu, abs=0.7)
    assert density_of_hu(hu_of_density(density)) == pytest.approx(density)


@pytest.mark.parametrize(("density", "fat"), [(50.0, 0.55), (80.0, 0.48), (120.0, 0.40), (175.0, 0.27)])
def test_the_fat_line_gives_its_anchors(density: float, fat: float) -> None:
    assert expected_fat(density) == pytest.approx(fat, abs=0.01)


def test_attenuation_tells_osteoporosis_as_well_as_in_the_studies_and_not_perfectly() -> None:
    people = [sample_patient(7, number) for number in range(700)]
    osteoporosis = np.array([person.reference.osteoporosis for person in people])

    area = area_under_curve(osteoporosis, -attenuation(people))

    assert 0.10 < osteoporosis.mean() < 0.40
    assert 0.80 < area < 0.95


def test_marrow_fat_tells_low_density_less_well_than_attenuation() -> None:
    people = [sample_patient(8, number) for number in range(700)]
    low = np.array([person.reference.qct < 120 for person in people])
    fat = np.array([np.mean([person.bone[level].fat_fraction for level in MEASURED_LEVELS]) for person in people])

    area = area_under_curve(low, fat)

    assert 0.75 < area < 0.95


def test_a_null_cohort_has_no_link() -> None:
    people = [sample_patient(9, number, null=True) for number in range(700)]
    osteoporosis = np.array([person.reference.osteoporosis for person in people])

    assert area_under_curve(osteoporosis, -attenuation(people)) == pytest.approx(0.5, abs=0.07)
    linked = [sample_patient(9, number).reference for number in range(50)]
    assert [person.reference for person in people[:50]] == linked


def test_sparse_bone_breaks_more_often() -> None:
    assert fracture_probability(40.0) > 3 * fracture_probability(110.0)
    assert fracture_probability(50.0) == pytest.approx(0.30)
