from __future__ import annotations

import pytest

from tests.reporting.builders import Study, demonstration_score, not_evaluable_result, result_of
from trabecula.domain import codes
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, DecidedBy, Measurement
from trabecula.domain.spine import Level
from trabecula.reporting.wording import (
    RESEARCH_USE,
    acquisition_line,
    all_reasons,
    amount,
    comments,
    impression_lines,
    rounded,
    short_name,
    versions_line,
)


def test_numbers_get_the_decimals_of_their_unit() -> None:
    assert amount(Measurement(concept=codes.ATTENUATION, value=98.44, unit=codes.HOUNSFIELD)) == "98.4 HU"
    assert amount(Measurement(concept=codes.VBQ, value=3.2174, unit=codes.RATIO)) == "3.22"
    assert amount(Measurement(concept=codes.MR_SIGNAL, value=419.83, unit=codes.RATIO)) == "419.8"
    assert amount(Measurement(concept=codes.VOLUME, value=33.1149, unit=codes.CUBIC_CENTIMETRE)) == "33.11 cm3"
    assert rounded(12.345, codes.MILLIMETRE, codes.ANTERIOR_HEIGHT) == 12.3


def test_names_tell_mean_median_and_spread_apart() -> None:
    names = [
        short_name(Measurement(concept=codes.ATTENUATION, value=1.0, unit=codes.HOUNSFIELD, derivation=derivation))
        for derivation in (codes.MEAN, codes.MEDIAN, codes.STANDARD_DEVIATION)
    ]

    assert names == ["Attenuation", "Attenuation median", "HU SD"]


@pytest.mark.parametrize("category", Category)
def test_no_impression_says_normal_or_excludes_osteoporosis(ct: Study, category: Category) -> None:
    text = " ".join(impression_lines(result_of(ct, category=category))).casefold()

    assert "normal" not in text
    assert "osteoporosis excluded" not in text
    assert text.startswith(category.words.casefold())


def test_a_demonstration_model_is_named_as_such_right_after_the_category(ct: Study) -> None:
    scores = (demonstration_score(model_id="real", demonstration=False), demonstration_score())

    lines = impression_lines(result_of(ct, scores=scores, impression=("Mean attenuation 98 HU.",)))

    assert lines[0] == "Low bone density suspected."
    assert lines[1].startswith("DEMONSTRATION MODEL, no clinical meaning: ct-demo")
    assert lines[2].startswith("real 1.0: probability of osteoporosis 82%")
    assert lines[3] == "Mean attenuation 98 HU."


def test_a_model_that_set_the_category_is_told_once_and_another_says_that_it_did_not(ct: Study) -> None:
    scores = (demonstration_score(model_id="real", demonstration=False),)
    own = "The category was set by the model real 1.0: probability of osteoporosis 82 %, at or above ..."

    setting = impression_lines(result_of(ct, scores=scores, impression=(own,), decided_by=DecidedBy.MODEL))
    beside = impression_lines(result_of(ct, scores=scores, impression=("x",), decided_by=DecidedBy.MEASUREMENT))

    assert setting == ("Low bone density suspected.", own)
    assert beside[1].startswith("real 1.0: probability of osteoporosis 82%")
    assert beside[1].endswith("It did not set the category.")


def test_a_silent_challenger_is_never_mentioned(ct: Study) -> None:
    result = result_of(
        ct, scores=(demonstration_score(active=False), demonstration_score(active=False, applicable=False))
    )

    assert not any("ct-demo" in line for line in (*impression_lines(result), *comments(result)))


def test_an_abstaining_model_says_why(ct: Study) -> None:
    reason = Reason(code=ReasonCode.OUT_OF_TRAINING_RANGE)
    score = demonstration_score(applicable=False, probability=None, reasons=(reason,))

    result = result_of(ct, scores=(score,))

    assert "Model ct-demo 1.0 gave no score for this study." in comments(result)
    assert reason in all_reasons(result)


def test_comments_carry_the_research_line_and_each_reason_with_its_next_step() -> None:
    lines = comments(not_evaluable_result())

    assert lines[0].startswith(RESEARCH_USE)
    assert any("6.5 mm; limit 5 mm" in line and "thinner slices" in line for line in lines)


def test_blocking_reasons_come_first_and_none_twice(ct: Study) -> None:
    remark, blocking = (
        Reason(code=ReasonCode.LEVELS_ASSUMED, blocking=False),
        Reason(code=ReasonCode.METAL, blocking=True, level=Level.L2),
    )

    assert all_reasons(result_of(ct, reasons=(remark, blocking, remark))) == (blocking, remark)


def test_versions_and_acquisition_are_one_line_each(ct: Study) -> None:
    result = result_of(ct, versions={"software": "0.1", "segmenter": "net 1", "settings": "ab" * 32})

    assert versions_line(result) == "segmenter net 1, settings abababababab"
    assert acquisition_line(result.sources[0]) == 'CT series 4 "LSP 3.0 Br40": 120 kVp, kernel Br40d, slices 3 mm.'
