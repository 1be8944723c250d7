"""The sentences of a category: every number in them is true, whatever decided."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.analysis.ground_words import ground_lines
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.decision import (
    AttenuationFinding,
    Decision,
    VbqFinding,
    decide_attenuation,
    decide_vbq,
    with_deformity,
    with_scores,
)
from trabecula.domain.results.ground import told
from trabecula.domain.results.result import Category, DecidedBy, Score
from trabecula.domain.results.thresholds import ContrastPhase, VbqReference

SHIPPED = load_thresholds()
HU = st.one_of(
    st.floats(-50, 400), st.sampled_from([110.0, 110.0004, 110.4, 109.6, 160.0, 160.4, 159.96, 157.0, 160.00001])
)
THRESHOLD = st.integers(1, 999_999).map(lambda number: number / 1e6)


def score(probability: float, threshold: float, **changes: object) -> Score:
    made = Score(
        model_id="site-ct",
        model_version="2.1",
        model_sha256="0" * 64,
        applicable=True,
        demonstration=False,
        endpoint="abnormal_bone_density",
        probability=probability,
        raw_score=0.0,
        operating_point="balanced",
        threshold=threshold,
        positive=probability >= threshold,
        decides=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@st.composite
def scores(draw: st.DrawFn) -> tuple[Score, ...]:
    made = []
    for number in range(draw(st.integers(0, 3))):
        threshold = draw(THRESHOLD)
        probability = draw(st.one_of(THRESHOLD, st.just(threshold)))
        changes = {
            "model_id": f"site-ct-{number}",
            "demonstration": draw(st.booleans()),
            "active": draw(st.booleans()),
            "applicable": draw(st.booleans()),
            "operating_point": draw(st.sampled_from(["balanced", "rule_in", ""])),
        }
        made.append(score(probability, threshold, **changes))
    return tuple(made)


@st.composite
def ct_decisions(draw: st.DrawFn) -> Decision:
    offset = draw(st.sampled_from([0.0, 0.0, 21.0, -7.25]))
    finding = AttenuationFinding(
        hu=draw(st.none() | HU),
        levels=draw(st.integers(0, 4)),
        kvp=draw(st.sampled_from([None, 80.0, 100.0, 120.0, 121.0, 140.0])),
        phase=draw(st.sampled_from(list(ContrastPhase))),
        where=draw(st.sampled_from(["L1", "mean of L2-L4"])),
    )
    return decide_attenuation(finding, replace(SHIPPED.attenuation, roi_offset_hu=offset))


@st.composite
def mr_decisions(draw: st.DrawFn) -> Decision:
    references = (
        (
            VbqReference(
                manufacturer_model="avanto",
                field_strength_t=1.5,
                shortest_tr_ms=450,
                longest_tr_ms=700,
                suspected_at_or_above=3.2,
                no_flag_below=2.5,
            ),
        )
        if draw(st.booleans())
        else ()
    )
    finding = VbqFinding(
        vbq=draw(st.none() | st.floats(0.5, 6) | st.sampled_from([3.2, 3.199, 3.204, 2.5, 2.4999])),
        levels=draw(st.integers(0, 4)),
        repetition_time_ms=draw(st.sampled_from([None, 600.0, 680.0, 900.0])),
        echo_time_ms=draw(st.sampled_from([None, 10.0, 30.0])),
        field_strength_t=1.5,
        manufacturer_model="Avanto",
    )
    return decide_vbq(finding, replace(SHIPPED.vbq, references=references))


NUMBER = r"(-?\d+(?:\.\d+)?)"


def _holds(text: str, value: float) -> None:
    """Every comparison in the text is true of the value, and there is one."""
    found = False
    for words, fits in (
        (r"at or below", lambda limit: value <= limit),
        (r"(?<!not )above", lambda limit: value > limit),
        (r"not above", lambda limit: value <= limit),
        (r"at or above", lambda limit: value >= limit),
        (r"(?<!at or )below", lambda limit: value < limit),
    ):
        pattern = rf"(?<!at or )(?<!or ){words} {NUMBER}" if words == r"(?<!not )above" else rf"{words} {NUMBER}"
        for limit in re.findall(pattern, text):
            found = True
            assert fits(float(limit)), text
    assert found or "no universal threshold" in text, text


def check(decision: Decision, given_scores: tuple[Score, ...]) -> None:
    lines = ground_lines(decision.ground, "levels 2.10 to 3.30, T1w")
    text = " ".join(lines)
    for line in lines:
        if line.startswith("Trabecular attenuation"):
            value = float(re.search(rf"{NUMBER} HU", line.split("L4", 1)[-1].split("L1", 1)[-1]).group(1))  # type: ignore[union-attr]
            assert decision.measured is not None
            assert value == pytest.approx(decision.measured.compared, abs=0.51)
            _holds(line, value)
        elif line.startswith("VBQ"):
            _holds(line, float(re.search(rf"VBQ {NUMBER}", line).group(1)))  # type: ignore[union-attr]
    named = re.findall(r"set by the model (\S+)", text)
    assert bool(named) is (decision.ground.decided_by is DecidedBy.MODEL)
    by_name = {item.model_id: item for item in given_scores}
    for model_id in named:
        spoke = by_name[model_id]
        assert spoke.active
        assert spoke.applicable
        assert not spoke.demonstration
        said = re.search(rf"{model_id} 2.1: probability of abnormal bone density {NUMBER} %, (.*?) its", text)
        limit = re.search(rf"{model_id} .*?operating point of {NUMBER} %", text)
        assert said is not None
        assert limit is not None
        if said[2] == "at or above":
            assert float(said[1]) >= float(limit[1])
            assert decision.category is Category.LOW_BONE_DENSITY_SUSPECTED
        else:
            assert float(said[1]) < float(limit[1])
            assert decision.category is Category.NO_FLAG
    if decision.ground.decided_by is DecidedBy.MEASUREMENT and decision.category is not Category.INDETERMINATE:
        assert "left open" not in text
        assert decision.measured is not None
        assert decision.measured.place.value == (
            "suspect" if decision.category is Category.LOW_BONE_DENSITY_SUSPECTED else "clear"
        )
    if decision.category is Category.NOT_EVALUABLE:
        assert lines == ()
    assert all(category.words.casefold() not in text.casefold() for category in Category)
    assert "normal " not in text.replace("abnormal ", "")
    assert "exclude" not in text
    assert "nan" not in text


@settings(deadline=None, max_examples=400)
@given(st.one_of(ct_decisions(), mr_decisions()), scores(), st.booleans())
def test_every_claim_is_true_whatever_decided(
    decision: Decision, given_scores: tuple[Score, ...], deformed: bool
) -> None:
    check(with_deformity(with_scores(decision, given_scores), deformed), given_scores)


def test_a_model_that_sets_the_category_is_named_and_the_value_keeps_its_true_place() -> None:
    open_ = decide_attenuation(
        AttenuationFinding(hu=157.0, levels=4, kvp=120.0, phase=ContrastPhase.NATIVE), SHIPPED.attenuation
    )
    raised, cleared = (with_scores(open_, [score(0.22, threshold)]) for threshold in (0.17, 0.9))

    assert ground_lines(raised.ground) == (
        "The category was set by the model site-ct 2.1: probability of abnormal bone density 22 %, "
        "at or above its balanced operating point of 17 %.",
        "Trabecular attenuation L1 157 HU, above 110 HU and not above 160 HU; the measurement alone leaves it open.",
    )
    assert raised.category is Category.LOW_BONE_DENSITY_SUSPECTED
    assert "22 %, below its balanced operating point of 90 %" in ground_lines(cleared.ground)[0]
    assert cleared.category is Category.NO_FLAG


def test_a_model_speaks_where_nothing_was_measured() -> None:
    closed = decide_attenuation(
        AttenuationFinding(hu=100.0, levels=4, kvp=80.0, phase=ContrastPhase.NATIVE), SHIPPED.attenuation
    )
    lines = ground_lines(with_scores(closed, [score(0.5, 0.4)]).ground)

    assert "HU" not in " ".join(lines)
    assert lines[-1] == "The measurement alone gives no category."


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_never_becomes_a_category(value: float) -> None:
    on_ct = decide_attenuation(
        AttenuationFinding(hu=value, levels=4, kvp=120.0, phase=ContrastPhase.NATIVE), SHIPPED.attenuation
    )
    reference = replace(
        SHIPPED.vbq,
        references=(
            VbqReference(
                manufacturer_model="avanto",
                field_strength_t=1.5,
                shortest_tr_ms=450,
                longest_tr_ms=700,
                suspected_at_or_above=3.2,
                no_flag_below=2.5,
            ),
        ),
    )
    on_mr = decide_vbq(
        VbqFinding(
            vbq=value,
            levels=4,
            repetition_time_ms=600.0,
            echo_time_ms=10.0,
            field_strength_t=1.5,
            manufacturer_model="Avanto",
        ),
        reference,
    )

    assert {on_ct.category, on_mr.category} == {Category.NOT_EVALUABLE}
    assert on_ct.reasons


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.lists(st.floats(-1e3, 1e3), max_size=3))
def test_a_printed_number_stays_on_its_side_of_every_printed_limit(value: float, limits: list[float]) -> None:
    shown, bounds = told(value, limits, 0)
    for limit, bound in zip(limits, bounds, strict=True):
        assert (float(shown) > float(bound)) is (value > limit)
        assert (float(shown) < float(bound)) is (value < limit)
