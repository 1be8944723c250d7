"""Earlier results: what can be compared, how a change is told, and that none is told of a person in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.domain.results.test_result_json import example_result
from trabecula.domain import codes
from trabecula.domain.results.prior import as_prior, comparable, prior_line, with_priors
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, Measurement, PriorResult, StudyResult
from trabecula.domain.results.scale import ValueScale

VBQ = Measurement(concept=codes.VBQ, value=2.5, unit=codes.RATIO, method="vbq_v1:medullary_v1/csf_v1")


def ct(least: float | None = 13.6) -> StudyResult:
    """L1 measures 123.25 HU as scanned, 110.9 as compared."""
    return replace(example_result(), scale=ValueScale(factor=0.9, least_change_percent=least), priors=(), reasons=())


def mr() -> StudyResult:
    return replace(ct(), levels=(), summary=(VBQ,), scale=None)


def prior(modality: str, value: float, date: str = "20240302") -> PriorResult:
    return PriorResult(
        study_uid="1.4", revision=1, study_date=date, modality=modality, value=value, category="INDETERMINATE"
    )


def test_the_value_of_a_result_is_the_one_that_was_compared() -> None:
    assert comparable(ct()) == ("CT", pytest.approx(110.92, abs=0.01))
    assert comparable(mr()) == ("MR", 2.5)
    assert comparable(replace(ct(), category=Category.NOT_EVALUABLE)) is None
    assert comparable(replace(ct(), levels=(replace(ct().levels[0], evaluable=False),), summary=())) is None


@pytest.mark.parametrize(
    ("result", "earlier", "said"),
    [
        (ct(), prior("CT", 123.0), "Earlier CT (2024-03-02): L1 123 HU; now 111 HU (-10 %), not more than the least "
         "significant change (13.6 %)."),
        (ct(), prior("CT", 140.0), "Earlier CT (2024-03-02): L1 140 HU; now 111 HU (-21 %), more than the least "
         "significant change (13.6 %)."),
        (mr(), prior("MR", 2.0), "Earlier MR (2024-03-02): VBQ 2.00; now 2.50 (+25 %); no least significant change is "
         "known for it."),
        (mr(), prior("CT", 140.0), "Earlier CT (2024-03-02): L1 140 HU, indeterminate; not comparable with this "
         "study."),
    ],
)  # fmt: skip
def test_an_earlier_result_is_told_with_its_change(result: StudyResult, earlier: PriorResult, said: str) -> None:
    assert prior_line(earlier, result) == said


def test_earlier_results_become_part_of_the_result() -> None:
    told = with_priors(ct(), (prior("MR", 2.0), prior("CT", 140.0)))

    assert told.priors == (prior("MR", 2.0), prior("CT", 140.0))
    assert [line[:10] for line in told.impression[-2:]] == ["Earlier MR", "Earlier CT"]
    change = told.summary[-1]
    assert (change.concept, change.unit, change.method) == (
        codes.CHANGE_SINCE_PRIOR,
        codes.PERCENT,
        "prior 20240302 L1",
    )
    assert change.value == pytest.approx(-20.8)
    assert with_priors(ct(), ()) == ct()


def test_nothing_earlier_is_told_where_the_images_may_show_two_people() -> None:
    doubtful = replace(ct(), reasons=(Reason(code=ReasonCode.PATIENT_CONFLICT),))

    assert with_priors(doubtful, (prior("CT", 140.0),)) == doubtful


def test_a_result_without_a_number_is_no_earlier_result() -> None:
    assert as_prior(replace(ct(), category=Category.NOT_EVALUABLE), "20240302") is None
    kept = as_prior(ct(), "20240302")
    assert kept is not None
    assert (kept.modality, kept.study_date, kept.category) == ("CT", "20240302", "INDETERMINATE")
