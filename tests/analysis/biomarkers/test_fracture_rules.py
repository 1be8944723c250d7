"""What lost height means by sex and age: the published patterns, what is told in any case, and nothing hidden."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.analysis.biomarkers.deformity import Deformity, Heights
from trabecula.analysis.biomarkers.fracture_rules import FractureMeaning, told_fractures
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.spine import Level
from trabecula.imaging.acquisition import StatedPatient

BANDS = load_thresholds().deformity
LEVELS = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
POINTS, MAY_NOT = FractureMeaning.POINTS_TO_OSTEOPOROSIS, FractureMeaning.MAY_NOT_SUFFICE
NOT_WEIGHED, YOUNG = FractureMeaning.NOT_WEIGHED, FractureMeaning.TOO_YOUNG


def graded(**losses: float) -> dict[Level, Deformity]:
    """Bodies with these losses in percent, by level."""
    heights = Heights(20.0, 20.0, 26.0, 32.0)
    return {
        Level[name]: Deformity(
            level=Level[name], kind="wedge", grade=BANDS.grade(percent / 100), loss=percent / 100, heights=heights
        )
        for name, percent in losses.items()
    }


def person(sex: str, age: float | None) -> StatedPatient:
    return StatedPatient(age_years=age, sex=sex)


@pytest.mark.parametrize(
    ("sex", "age", "losses", "named", "meaning"),
    [
        ("F", 72.0, {"L1": 25.0}, "L1", POINTS),
        ("F", 50.0, {"L1": 31.0, "L3": 18.0}, "L1", POINTS),
        ("F", 72.0, {"L1": 24.9}, "", None),
        ("F", 72.0, {"L1": 20.0, "L2": 15.0}, "L1 L2", POINTS),
        ("F", 72.0, {"L1": 19.9, "L2": 19.9}, "", None),
        ("F", 72.0, {"T12": 15.0, "L2": 16.0, "L4": 19.0}, "T12 L2 L4", POINTS),
        ("F", 72.0, {"L1": 16.0, "L2": 16.0, "L3": 16.0}, "", None),
        ("F", 72.0, {"T12": 16.0, "L1": 16.0, "L3": 16.0, "L4": 16.0}, "", None),
        ("F", 72.0, {"T12": 16.0, "L1": 16.0, "L3": 16.0, "L5": 16.0}, "T12 L1 L3 L5", POINTS),
        ("F", 72.0, {"T12": 14.9, "L2": 16.0, "L4": 19.0}, "", None),
        ("M", 72.0, {"L1": 39.9}, "L1", MAY_NOT),
        ("M", 72.0, {"L1": 40.0}, "L1", POINTS),
        ("M", 72.0, {"L1": 26.0, "L4": 28.0}, "L1 L4", POINTS),
        ("M", 72.0, {"L1": 20.0, "L2": 15.0}, "", None),
        ("M", 72.0, {"T12": 16.0, "L2": 16.0, "L4": 16.0}, "", None),
        ("F", 49.0, {"L1": 30.0}, "L1", YOUNG),
        ("M", 30.0, {"L1": 45.0}, "L1", YOUNG),
        ("F", 49.0, {"L1": 20.0, "L2": 15.0}, "", None),
        ("", 72.0, {"L1": 30.0}, "L1", NOT_WEIGHED),
        ("", 72.0, {"L1": 20.0, "L2": 15.0}, "L1 L2", NOT_WEIGHED),
        ("F", None, {"L1": 20.0, "L2": 15.0}, "L1 L2", NOT_WEIGHED),
        ("M", None, {"L1": 20.0, "L2": 15.0}, "", None),
        ("M", None, {"L1": 30.0}, "L1", NOT_WEIGHED),
        ("", None, {"L1": 55.0}, "L1", NOT_WEIGHED),
        ("", 40.0, {"L1": 30.0}, "L1", YOUNG),
        ("F", 72.0, {}, "", None),
    ],
)
def test_patterns_by_sex_and_age(
    sex: str, age: float | None, losses: dict[str, float], named: str, meaning: FractureMeaning | None
) -> None:
    found = told_fractures(graded(**losses), person(sex, age), BANDS)

    assert " ".join(map(str, found.bodies)) == named
    assert found.meaning is meaning
    assert bool(found) is bool(named)


@settings(deadline=None, max_examples=80)
@given(
    st.dictionaries(st.sampled_from(LEVELS), st.floats(-10.0, 90.0)),
    st.sampled_from(["F", "M", ""]),
    st.one_of(st.none(), st.floats(18.0, 100.0)),
)
def test_a_loss_of_25_percent_is_never_hidden_and_a_lesser_one_is_never_named_alone(
    losses: dict[Level, float], sex: str, age: float | None
) -> None:
    bodies = graded(**{level.name: loss for level, loss in losses.items()})

    told = told_fractures(bodies, person(sex, age), BANDS)

    assert {level for level, body in bodies.items() if body.loss >= 0.25} <= set(told.bodies)
    assert all(body.loss >= BANDS.minimal_loss for body in told.bodies.values())
    assert len(told.bodies) != 1 or next(iter(told.bodies.values())).loss >= 0.25
    assert bool(told.meaning) is bool(told.bodies)
