"""Decisions in full: reasons with their values and words, and the ground that every sentence is made from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.domain.results.test_decision import CT, SHIPPED, ct, score, vbq
from trabecula.domain.results.decision import (
    AttenuationFinding,
    Decision,
    VbqFinding,
    category_of_hu,
    decide_attenuation,
    decide_vbq,
    window_reasons,
    with_deformity,
    with_scores,
)
from trabecula.domain.results.ground import ByModels, Measured, Quantity, Withheld
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category
from trabecula.domain.results.thresholds import ContrastCorrection, ContrastPhase, VbqReference

REFERENCE = VbqReference(
    manufacturer_model="avanto",
    field_strength_t=1.5,
    shortest_tr_ms=450,
    longest_tr_ms=700,
    suspected_at_or_above=3.2,
    no_flag_below=2.5,
)
VBQ = replace(SHIPPED.vbq, references=(REFERENCE,))


def attenuation(value: float, raw: float, left_open: str = "", where: str = "L1") -> Measured:
    return Measured(
        quantity=Quantity.ATTENUATION,
        value=value,
        raw=raw,
        where=where,
        offset=CT.roi_offset_hu,
        lower=CT.suspected_at_or_below_hu,
        upper=CT.no_flag_above_hu,
        left_open=left_open,
    )


def remark(code: ReasonCode, detail: str = "") -> Reason:
    return Reason(code=code, blocking=False, detail=detail)


@pytest.mark.parametrize("hu", [float("nan"), float("inf")])
def test_an_attenuation_that_is_no_number_is_refused_as_such(hu: float) -> None:
    why = Reason(code=ReasonCode.HU_SANITY, detail="the attenuation is no number")
    assert ct(hu) == Decision(Category.NOT_EVALUABLE, (why,))


@pytest.mark.parametrize(("hu", "levels"), [(None, 4), (100.0, 1)])
def test_too_few_levels_are_told_with_their_number_and_the_limit(hu: float | None, levels: int) -> None:
    why = Reason(code=ReasonCode.TOO_FEW_LEVELS, value=float(levels), limit=2.0)
    assert ct(hu, levels=levels) == Decision(Category.NOT_EVALUABLE, (why,))
    assert ct(100.0, levels=2).category is Category.LOW_BONE_DENSITY_SUSPECTED


def test_a_tube_voltage_without_a_conversion_is_told_in_kvp() -> None:
    why = Reason(code=ReasonCode.KVP, value=70.0, unit="kVp")
    assert ct(100.0, kvp=70.0) == Decision(Category.NOT_EVALUABLE, (why,))


def test_a_value_at_120_kvp_decides_alone() -> None:
    finding = AttenuationFinding(hu=100.0, levels=3, kvp=120.0, phase=ContrastPhase.NATIVE, where="L2-L4")
    made = decide_attenuation(finding, CT)
    ground = attenuation(100.0, 100.0, where="L2-L4")
    assert made == Decision(Category.LOW_BONE_DENSITY_SUSPECTED, (), 100.0, ground)
    assert made.measured is made.ground


def test_the_offset_of_a_site_stands_in_the_ground() -> None:
    finding = AttenuationFinding(hu=100.0, levels=3, kvp=120.0, phase=ContrastPhase.NATIVE)
    made = decide_attenuation(finding, replace(CT, roi_offset_hu=21.0))
    assert made.ground == replace(attenuation(100.0, 100.0), offset=21.0)


def test_an_unrecorded_tube_voltage_is_said_and_leaves_the_category_open() -> None:
    words = "the tube voltage is not recorded"
    ground = attenuation(80.0, 80.0, words)
    assert ct(80.0, kvp=None) == Decision(Category.INDETERMINATE, (remark(ReasonCode.KVP, words),), 80.0, ground)


def test_a_conversion_is_told_with_its_factor_and_where_it_decides() -> None:
    sure = remark(ReasonCode.KVP_ADJUSTED, "factor 0.927 from 100 kVp")
    assert ct(200.0, kvp=100.0) == Decision(Category.NO_FLAG, (sure,), 185.4, attenuation(185.4, 200.0))
    words = "factor 0.927 from 100 kVp; the conversion decides the category, so it is left open"
    ground = attenuation(106.605, 115.0, "the conversion to 120 kVp would decide")
    open_ = remark(ReasonCode.KVP_ADJUSTED, words)
    assert ct(115.0, kvp=100.0) == Decision(Category.INDETERMINATE, (open_,), 106.605, ground)


def test_the_attenuation_before_the_conversion_is_not_rounded_to_whole_units() -> None:
    """110.4 HU lie above the limit, and what they are at 120 kVp below it; as a whole number they would not."""
    made = ct(110.4, kvp=100.0)
    assert made.category is Category.INDETERMINATE
    assert isinstance(made.ground, Measured)
    assert made.ground.left_open == "the conversion to 120 kVp would decide"


def test_both_causes_of_an_open_category_are_named() -> None:
    made = ct(122.0, kvp=None, phase=ContrastPhase.ARTERIAL)
    assert isinstance(made.ground, Measured)
    assert made.ground.left_open == (
        "the tube voltage is not recorded; the span of what contrast agent may add crosses a limit"
    )


@pytest.mark.parametrize(
    ("hu", "phase", "code", "words"),
    [
        (100.0, ContrastPhase.DELAYED, ReasonCode.CONTRAST_PHASE, "delayed phase; not corrected"),
        (100.0, ContrastPhase.ARTERIAL, ReasonCode.CONTRAST_PHASE, "arterial phase; divided by 1.11"),
        (100.0, ContrastPhase.UNKNOWN, ReasonCode.CONTRAST_PHASE, "phase not recorded; not corrected"),
        (100.0, ContrastPhase.DOUBTFUL, ReasonCode.CONTRAST_UNCLEAR, "between native and enhanced; not corrected"),
    ],
)
def test_contrast_agent_is_told_with_phase_and_correction(
    hu: float, phase: ContrastPhase, code: ReasonCode, words: str
) -> None:
    assert ct(hu, phase=phase).reasons == (remark(code, words),)


def test_a_span_that_crosses_a_threshold_is_told_with_its_ends() -> None:
    span = CT.contrast[ContrastPhase.ARTERIAL]
    words = f"arterial phase; divided by 1.11; the span of {span.lowest:g} to {span.highest:g} crosses a threshold"
    assert ct(122.0, phase=ContrastPhase.ARTERIAL).reasons == (remark(ReasonCode.CONTRAST_PHASE, words),)


def test_the_span_is_applied_to_the_converted_attenuation() -> None:
    """116 HU at 100 kVp are 107.5 HU at 120 kVp, below the limit with either end of the span."""
    made = ct(116.0, kvp=100.0, phase=ContrastPhase.ARTERIAL)
    assert made.reasons[1] == remark(ReasonCode.CONTRAST_PHASE, "arterial phase; divided by 1.11")


def test_a_value_within_rounding_of_a_limit_is_the_limit() -> None:
    """Four decimals: what a division leaves beyond them decides nothing."""
    assert category_of_hu(110.00004, CT) is Category.LOW_BONE_DENSITY_SUSPECTED
    assert category_of_hu(110.00006, CT) is Category.INDETERMINATE
    exact = replace(CT, contrast={ContrastPhase.VENOUS: ContrastCorrection(1.0, 0.9999999, 1.0)})
    venous = AttenuationFinding(hu=110.0, levels=4, kvp=120.0, phase=ContrastPhase.VENOUS)
    assert decide_attenuation(venous, exact).category is Category.LOW_BONE_DENSITY_SUSPECTED
    assert ct(100.0, phase=ContrastPhase.ARTERIAL).value == 90.0901


def test_a_span_is_not_rounded_to_whole_units() -> None:
    """110.4 HU lie above the limit; as a whole number they would not."""
    narrow = replace(CT, contrast={ContrastPhase.VENOUS: ContrastCorrection(1.0, 1.0, 1.0)})
    venous = AttenuationFinding(hu=110.4, levels=4, kvp=120.0, phase=ContrastPhase.VENOUS)
    assert decide_attenuation(venous, narrow).reasons == (
        remark(ReasonCode.CONTRAST_PHASE, "venous phase; not corrected"),
    )


def ground_of_vbq(value: float, left_open: str = "", *, known: bool = True) -> Measured:
    return Measured(
        quantity=Quantity.VBQ,
        value=value,
        raw=value,
        where="L1-L4",
        lower=2.5 if known else None,
        upper=3.2 if known else None,
        left_open=left_open,
    )


def test_vbq_without_a_reference_is_open_and_says_so() -> None:
    expected = Decision(
        Category.INDETERMINATE, (remark(ReasonCode.NO_SITE_REFERENCE),), 3.4, ground_of_vbq(3.4, known=False)
    )
    assert vbq(3.4) == expected


def test_vbq_is_held_against_the_reference_of_its_scanner_and_protocol() -> None:
    assert vbq(3.3, VBQ) == Decision(Category.LOW_BONE_DENSITY_SUSPECTED, (), 3.3, ground_of_vbq(3.3))
    other = VbqFinding(
        vbq=3.3,
        levels=2,
        repetition_time_ms=600.0,
        echo_time_ms=10.0,
        field_strength_t=3.0,
        manufacturer_model="Avanto",
        where="L2-L4",
    )
    made = decide_vbq(other, VBQ)
    assert made.ground == replace(ground_of_vbq(3.3, known=False), where="L2-L4")
    assert made.reasons == (remark(ReasonCode.NO_SITE_REFERENCE),)
    fitting = decide_vbq(replace(other, field_strength_t=1.5), VBQ)
    assert (fitting.category, fitting.reasons) == (Category.LOW_BONE_DENSITY_SUSPECTED, ())


def test_times_outside_the_window_leave_vbq_open_with_the_time_and_its_limit() -> None:
    why = Reason(code=ReasonCode.TR_TE_WINDOW, blocking=False, detail="TR", value=900.0, limit=850.0, unit="ms")
    wide = replace(VBQ, references=(replace(REFERENCE, longest_tr_ms=1000),))
    words = "TR or TE is outside the validated window or not recorded"
    assert vbq(3.3, wide, tr=900.0) == Decision(Category.INDETERMINATE, (why,), 3.3, ground_of_vbq(3.3, words))
    without = vbq(3.3, tr=900.0)
    assert without.ground == ground_of_vbq(3.3, known=False)
    assert without.reasons == (why, remark(ReasonCode.NO_SITE_REFERENCE))


@pytest.mark.parametrize("value", [None, float("nan")])
def test_vbq_that_is_no_number_is_not_evaluable_without_more(value: float | None) -> None:
    assert vbq(value) == Decision(Category.NOT_EVALUABLE)
    few = Reason(code=ReasonCode.TOO_FEW_LEVELS, value=1.0, limit=2.0)
    assert vbq(3.0, levels=1) == Decision(Category.NOT_EVALUABLE, (few,))


def test_each_time_is_held_against_both_ends() -> None:
    def outside(name: str, value: float, limit: float) -> Reason:
        return Reason(code=ReasonCode.TR_TE_WINDOW, blocking=False, detail=name, value=value, limit=limit, unit="ms")

    assert window_reasons(399, 25, SHIPPED.vbq) == (outside("TR", 399, 400), outside("TE", 25, 20))
    assert window_reasons(851, 7, SHIPPED.vbq) == (outside("TR", 851, 850), outside("TE", 7, 8))
    assert window_reasons(None, None, SHIPPED.vbq) == (
        remark(ReasonCode.TR_TE_WINDOW, "TR is not recorded"),
        remark(ReasonCode.TR_TE_WINDOW, "TE is not recorded"),
    )


def test_models_that_decide_become_the_ground_and_answer_the_missing_reference() -> None:
    open_ = vbq(3.0)
    measured = ground_of_vbq(3.0, known=False)
    yes, no = score(True), score(False)
    assert with_scores(open_, [no, yes]) == Decision(
        Category.LOW_BONE_DENSITY_SUSPECTED, (), 3.0, ByModels((yes,), measured)
    )
    assert with_scores(open_, [no]) == Decision(Category.NO_FLAG, (), 3.0, ByModels((no,), measured))
    wide = vbq(3.0, tr=900.0)
    assert with_scores(wide, [yes]).reasons == wide.reasons[:1]
    assert with_scores(wide, [no]).reasons == wide.reasons[:1]


def test_a_model_speaks_for_a_study_that_could_not_be_measured_but_an_abstention_does_not() -> None:
    nothing = vbq(None)
    yes = score(True)
    assert with_scores(nothing, [yes]) == Decision(
        Category.LOW_BONE_DENSITY_SUSPECTED, (), None, ByModels((yes,), None)
    )
    assert with_scores(nothing, [replace(score(True), positive=None)]) == nothing
    assert with_scores(nothing, []) == nothing
    assert with_scores(nothing, [score(False), score(False, operating_point="rule_in")]) == nothing


def test_a_deformity_keeps_value_reasons_and_ground() -> None:
    high = ct(200.0, kvp=100.0)
    assert with_deformity(high, True) == Decision(
        Category.INDETERMINATE, high.reasons, high.value, Withheld(high.measured)
    )
    assert with_deformity(high, True).measured == high.ground
