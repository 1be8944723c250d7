"""What is expected at an age: a z-score only where the value is native or corrected, and the age is the norm's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.analysis.test_findings import context_of
from tests.imaging.drawn_series import axial, draw_spine
from trabecula.analysis.expected import expected_at_age, value_scale
from trabecula.analysis.findings import Findings, measure_ct
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain import codes
from trabecula.domain.results.decision import Decision
from trabecula.domain.results.ground import Measured, Quantity
from trabecula.domain.results.result import Category
from trabecula.domain.spine import Level
from trabecula.imaging.acquisition import StatedPatient

NORM = load_thresholds().norm
MEASURED = Measured(quantity=Quantity.ATTENUATION, value=87.0, raw=100.0, where="L1", offset=5.0, lower=110, upper=160)
DECIDED = Decision(Category.LOW_BONE_DENSITY_SUSPECTED, value=87.0, ground=MEASURED)
SEVENTY = StatedPatient(age_years=70.0, sex="F")


@pytest.fixture(scope="module")
def measured() -> Findings:
    return measure_ct(context_of(draw_spine(axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0))))


def acquired(found: Findings, **facts: object) -> Findings:
    candidate = found.context.candidate
    made = replace(candidate.acquisition, **facts)  # type: ignore[arg-type]
    return replace(found, context=replace(found.context, candidate=replace(candidate, acquisition=made)))


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        ({}, True),
        ({"contrast_agent": "Iomeprol 350", "description": "Abdomen portal venous"}, True),
        ({"contrast_agent": "Iomeprol 350"}, False),
        ({"kvp": None}, False),
    ],
)
def test_the_z_score_is_of_the_compared_value(measured: Findings, facts: dict[str, object], known: bool) -> None:
    found = expected_at_age(DECIDED, acquired(measured, **facts), SEVENTY, NORM)

    assert found is not None
    assert (found.level, found.mean_hu) == (Level.L1, pytest.approx(118.5))
    assert found.z_score == (pytest.approx((82.0 - 118.5) / 44.0, abs=0.01) if known else None)
    concepts = [item.concept for item in found.measurements(measured)]
    assert concepts == [codes.EXPECTED_ATTENUATION, *([codes.AGE_Z_SCORE] if known else [])]


@pytest.mark.parametrize("age", [None, 26.0, 126.0])
def test_nothing_is_expected_without_an_age_of_the_norm(measured: Findings, age: float | None) -> None:
    assert expected_at_age(DECIDED, measured, StatedPatient(age_years=age), NORM) is None


def test_nothing_is_expected_where_l1_does_not_count_or_nothing_was_decided(measured: Findings) -> None:
    without = replace(measured, attenuation={k: v for k, v in measured.attenuation.items() if k is not Level.L1})

    assert expected_at_age(DECIDED, without, SEVENTY, NORM) is None
    assert expected_at_age(replace(DECIDED, category=Category.NOT_EVALUABLE), measured, SEVENTY, NORM) is None
    assert expected_at_age(DECIDED, None, SEVENTY, NORM) is None


def test_the_scale_converts_levels_as_the_decision_was(measured: Findings) -> None:
    scale = value_scale(DECIDED, expected_at_age(DECIDED, measured, SEVENTY, NORM), 13.6)

    assert scale is not None
    assert scale.compared(100.0) == pytest.approx(82.0)
    assert (scale.lower, scale.upper, scale.expected, scale.expected_level) == (110, 160, 118.5, Level.L1)
    assert scale.least_change_percent == 13.6
    assert value_scale(Decision(Category.NOT_EVALUABLE), None, 13.6) is None
