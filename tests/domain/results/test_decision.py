"""The category rules: thresholds, conversions, contrast, VBQ references, scores and deformity."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.decision import (
    AttenuationFinding,
    Decision,
    VbqFinding,
    category_of_hu,
    corrected_hu,
    decide_attenuation,
    decide_vbq,
    window_reasons,
    with_deformity,
    with_scores,
)
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, Score
from trabecula.domain.results.thresholds import ContrastPhase, VbqReference, VbqThresholds

SHIPPED = load_thresholds()
CT = SHIPPED.attenuation
HU = st.floats(-100, 500, allow_nan=False)


def ct(
    hu: float | None, levels: int = 4, kvp: float | None = 120.0, phase: ContrastPhase = ContrastPhase.NATIVE
) -> Decision:
    return decide_attenuation(AttenuationFinding(hu=hu, levels=levels, kvp=kvp, phase=phase), CT)


@pytest.mark.parametrize(
    ("hu", "category"),
    [
        (110.0, Category.LOW_BONE_DENSITY_SUSPECTED),
        (110.1, Category.INDETERMINATE),
        (160.0, Category.INDETERMINATE),
        (160.1, Category.NO_FLAG),
    ],
)
def test_the_published_thresholds_include_their_own_value(hu: float, category: Category) -> None:
    assert ct(hu).category is category


def test_the_offset_of_the_region_shifts_the_thresholds() -> None:
    shifted = SHIPPED.attenuation.__class__(**{**vars(CT), "roi_offset_hu": 21.0})
    assert category_of_hu(125.0, CT) is Category.INDETERMINATE
    assert category_of_hu(125.0, shifted) is Category.LOW_BONE_DENSITY_SUSPECTED


@settings(deadline=None, max_examples=50)
@given(HU, HU)
def test_more_attenuation_never_raises_the_suspicion(one: float, other: float) -> None:
    ladder = [Category.LOW_BONE_DENSITY_SUSPECTED, Category.INDETERMINATE, Category.NO_FLAG]
    low, high = sorted((one, other))
    assert ladder.index(ct(low).category) <= ladder.index(ct(high).category)


def test_another_tube_voltage_is_converted_and_said() -> None:
    decision = ct(200.0, kvp=100.0)
    assert decision.value == pytest.approx(200.0 * 0.927)
    assert [reason.code for reason in decision.reasons] == [ReasonCode.KVP_ADJUSTED]
    assert decision.category is Category.NO_FLAG


def test_a_conversion_that_decides_the_category_leaves_it_open() -> None:
    assert category_of_hu(115.0, CT) is Category.INDETERMINATE
    assert category_of_hu(115.0 * 0.927, CT) is Category.LOW_BONE_DENSITY_SUSPECTED
    assert ct(115.0, kvp=100.0).category is Category.INDETERMINATE


@pytest.mark.parametrize("kvp", [70.0, 80.0, 90.0, 150.0])
def test_a_tube_voltage_without_a_line_is_not_evaluable(kvp: float) -> None:
    decision = ct(100.0, kvp=kvp)
    assert decision.category is Category.NOT_EVALUABLE
    assert decision.reasons[0].code is ReasonCode.KVP
    assert decision.reasons[0].blocking


def test_an_unrecorded_tube_voltage_leaves_the_category_open() -> None:
    decision = ct(80.0, kvp=None)
    assert decision.category is Category.INDETERMINATE
    assert decision.reasons[0].code is ReasonCode.KVP
    assert not decision.reasons[0].blocking


@pytest.mark.parametrize(
    ("hu", "phase", "category", "value"),
    [
        (120.0, ContrastPhase.ARTERIAL, Category.LOW_BONE_DENSITY_SUSPECTED, 120 / 1.11),
        (122.0, ContrastPhase.ARTERIAL, Category.INDETERMINATE, 122 / 1.11),
        (116.0, ContrastPhase.VENOUS, Category.LOW_BONE_DENSITY_SUSPECTED, 100.0),
        (150.0, ContrastPhase.VENOUS, Category.INDETERMINATE, 150 / 1.16),
        (200.0, ContrastPhase.VENOUS, Category.NO_FLAG, 200 / 1.16),
        (188.0, ContrastPhase.VENOUS, Category.INDETERMINATE, 188 / 1.16),
        (100.0, ContrastPhase.UNKNOWN, Category.LOW_BONE_DENSITY_SUSPECTED, 100.0),
        (120.0, ContrastPhase.UNKNOWN, Category.INDETERMINATE, 120.0),
        (100.0, ContrastPhase.DELAYED, Category.LOW_BONE_DENSITY_SUSPECTED, 100.0),
    ],
)
def test_contrast_agent_is_corrected_and_its_span_must_not_cross_a_threshold(
    hu: float, phase: ContrastPhase, category: Category, value: float
) -> None:
    decision = ct(hu, phase=phase)
    assert decision.category is category
    assert decision.value == pytest.approx(value, abs=1e-4)
    assert ReasonCode.CONTRAST_PHASE in [reason.code for reason in decision.reasons]


@settings(deadline=None, max_examples=50)
@given(HU, st.sampled_from(list(ContrastPhase)))
def test_the_corrected_value_is_the_one_decided_on(hu: float, phase: ContrastPhase) -> None:
    assert ct(hu, phase=phase).value == corrected_hu(hu, 120.0, phase, CT)


@pytest.mark.parametrize("levels", [0, 1])
def test_two_levels_are_needed(levels: int) -> None:
    decision = ct(100.0, levels=levels)
    assert decision.category is Category.NOT_EVALUABLE
    assert decision.reasons[0].code is ReasonCode.TOO_FEW_LEVELS


def vbq(
    score: float | None, thresholds: VbqThresholds = SHIPPED.vbq, tr: float | None = 600.0, levels: int = 4
) -> Decision:
    return decide_vbq(
        VbqFinding(
            vbq=score,
            levels=levels,
            repetition_time_ms=tr,
            echo_time_ms=10.0,
            field_strength_t=1.5,
            manufacturer_model="Avanto",
        ),
        thresholds,
    )


def test_no_site_reference_leaves_vbq_open() -> None:
    decision = vbq(3.4)
    assert decision.category is Category.INDETERMINATE
    assert [reason.code for reason in decision.reasons] == [ReasonCode.NO_SITE_REFERENCE]
    assert decision.value == 3.4


@pytest.mark.parametrize(
    ("score", "category"),
    [
        (3.3, Category.LOW_BONE_DENSITY_SUSPECTED),
        (3.0, Category.INDETERMINATE),
        (2.4, Category.NO_FLAG),
    ],
)
def test_a_site_reference_gives_categories(score: float, category: Category) -> None:
    reference = VbqReference(
        manufacturer_model="avanto",
        field_strength_t=1.5,
        shortest_tr_ms=450,
        longest_tr_ms=700,
        suspected_at_or_above=3.2,
        no_flag_below=2.5,
    )
    thresholds = VbqThresholds(
        shortest_tr_ms=400,
        longest_tr_ms=850,
        shortest_te_ms=8,
        longest_te_ms=20,
        minimum_levels=2,
        references=(reference,),
    )
    assert vbq(score, thresholds).category is category
    assert vbq(score, thresholds, tr=800.0).category is Category.INDETERMINATE


def test_missing_vbq_is_not_evaluable() -> None:
    assert vbq(None).category is Category.NOT_EVALUABLE
    assert vbq(3.0, levels=1).reasons[0].code is ReasonCode.TOO_FEW_LEVELS


@pytest.mark.parametrize(("tr", "te", "count"), [(400, 8, 0), (850, 20, 0), (399, 8, 1), (900, 25, 2), (None, None, 2)])
def test_times_outside_the_validated_window_are_named(tr: float | None, te: float | None, count: int) -> None:
    reasons = window_reasons(tr, te, SHIPPED.vbq)
    assert len(reasons) == count
    assert all(reason.code is ReasonCode.TR_TE_WINDOW and not reason.blocking for reason in reasons)


def score(positive: bool, **changes: object) -> Score:
    values: dict[str, object] = {
        "model_id": "m",
        "model_version": "1",
        "model_sha256": "0" * 64,
        "applicable": True,
        "demonstration": False,
        "endpoint": "osteoporosis",
        "probability": 0.7,
        "positive": positive,
        "decides": True,
        **changes,
    }
    return Score(**values)  # type: ignore[arg-type]


def test_a_validated_model_speaks_where_the_measurement_is_open() -> None:
    open_ = vbq(3.0)
    assert with_scores(open_, [score(True)]).category is Category.LOW_BONE_DENSITY_SUSPECTED
    assert with_scores(open_, [score(False)]).category is Category.NO_FLAG
    assert with_scores(open_, [score(False, operating_point="rule_in")]).category is Category.INDETERMINATE


@pytest.mark.parametrize(
    "change", [{"demonstration": True}, {"active": False}, {"applicable": False}, {"decides": False}]
)
def test_demonstrations_challengers_and_abstentions_change_nothing(change: dict[str, object]) -> None:
    open_ = vbq(3.0)
    assert with_scores(open_, [score(True, **change)]) == open_


def test_a_model_does_not_overrule_a_measured_flag() -> None:
    flagged = ct(80.0)
    assert with_scores(flagged, [score(False)]) == flagged


def test_a_deformity_withholds_no_flag_and_nothing_else() -> None:
    assert with_deformity(ct(200.0), True).category is Category.INDETERMINATE
    assert with_deformity(ct(200.0), False).category is Category.NO_FLAG
    assert with_deformity(ct(80.0), True).category is Category.LOW_BONE_DENSITY_SUSPECTED
