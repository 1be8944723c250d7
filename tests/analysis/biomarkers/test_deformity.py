"""Grading of heights: shapes by level and sex, Genant's bands, and what does not count as a deformity."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.analysis.biomarkers.deformity import Heights, grade_deformities
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.spine import Level

LIMITS = load_thresholds().deformity
DEPTH = 32.0


def normal(sex: str, scale: float = 1.0) -> dict[Level, Heights]:
    """A spine of the shapes the tables expect."""
    row = {"F": "female", "M": "male"}[sex]
    spine = {}
    for level, posterior in LIMITS.expected_posterior_mm[row].items():
        wedge = math.radians(LIMITS.expected_wedge_degrees[row][level])
        front = 1 - 0.8 * 2 / 3 * DEPTH * scale * math.tan(wedge) / (posterior * scale)
        middle = LIMITS.expected_middle_ratio * (1 + front) / 2
        height = posterior * scale
        spine[level] = Heights(height * front, height * middle, height, DEPTH * scale)
    return spine


def changed(
    spine: dict[Level, Heights], level: Level, front: float, middle: float, back: float
) -> dict[Level, Heights]:
    old = spine[level]
    new = Heights(old.anterior_mm * front, old.middle_mm * middle, old.posterior_mm * back, old.depth_mm)
    return {**spine, level: new}


@settings(deadline=None, max_examples=50)
@given(st.sampled_from("FM"), st.floats(0.8, 1.3))
def test_a_spine_as_expected_has_no_deformity_at_any_size(sex: str, scale: float) -> None:
    graded = grade_deformities(normal(sex, scale), sex, LIMITS)
    assert len(graded) == 6
    assert all(found.grade == 0 and abs(found.loss) < 1e-3 for found in graded.values())


@pytest.mark.parametrize(
    ("factors", "kind", "grade"),
    [
        ((0.85, 1.0, 1.0), "wedge", 0),
        ((0.78, 0.9, 1.0), "wedge", 1),
        ((0.70, 0.85, 1.0), "wedge", 2),
        ((0.55, 0.75, 1.0), "wedge", 3),
        ((1.0, 0.70, 1.0), "biconcave", 2),
        ((0.68, 0.68, 0.68), "crush", 2),
        ((0.55, 0.55, 0.55), "crush", 3),
    ],
)
def test_losses_fall_into_genants_bands(factors: tuple[float, float, float], kind: str, grade: int) -> None:
    found = grade_deformities(changed(normal("F"), Level.L2, *factors), "F", LIMITS)[Level.L2]
    assert (found.kind, found.grade) == (kind, grade)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.4, 1.0), st.floats(0.4, 1.0))
def test_a_lower_front_never_grades_lower(one: float, other: float) -> None:
    low, high = sorted((one, other))
    grades = [
        grade_deformities(changed(normal("M"), Level.L1, front, 1.0, 1.0), "M", LIMITS)[Level.L1].grade
        for front in (low, high)
    ]
    assert grades[0] >= grades[1]


def test_one_deformed_body_leaves_its_neighbours_alone() -> None:
    graded = grade_deformities(changed(normal("F"), Level.L3, 0.5, 0.5, 0.5), "F", LIMITS)
    assert [level for level, found in graded.items() if found.grade] == [Level.L3]


def test_a_reason_speaks_as_readers_do_and_blocks_from_the_excluded_grade() -> None:
    mild = grade_deformities(changed(normal("F"), Level.L2, 0.78, 0.9, 1.0), "F", LIMITS)[Level.L2].reason(LIMITS)
    moderate = grade_deformities(changed(normal("F"), Level.L2, 0.68, 0.85, 1.0), "F", LIMITS)[Level.L2].reason(LIMITS)

    assert (mild.code, mild.level, mild.blocking, mild.value) == (ReasonCode.FRACTURE_LEVEL, Level.L2, False, 22)
    assert (moderate.blocking, moderate.value) == (True, 32)
    assert moderate.sentence == "L2: Possible vertebral fracture (moderate wedge, height loss; 32 %)."


def test_without_sex_both_expectations_are_averaged() -> None:
    graded = grade_deformities(normal("F"), "", LIMITS)
    assert all(found.grade == 0 for found in graded.values())


def test_a_single_body_is_judged_by_itself() -> None:
    alone = {Level.L1: changed(normal("F"), Level.L1, 0.6, 0.8, 1.0)[Level.L1]}
    assert grade_deformities(alone, "F", LIMITS)[Level.L1].kind == "wedge"


def test_measurements_carry_heights_and_loss() -> None:
    found = grade_deformities(normal("F"), "F", LIMITS)[Level.L4]
    names = [measurement.concept.value for measurement in found.measurements("2.25.1")]
    assert names == ["HA", "HM", "HP", "HLOSS"]
