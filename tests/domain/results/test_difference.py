"""What two results differ in: values, scores, reasons and category, and nothing where they are the same."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain import codes
from trabecula.domain.results.difference import ScoreChange, ValueChange, difference
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, LevelResult, Measurement, Score, StudyResult
from trabecula.domain.spine import Level


def measurement(value: float) -> Measurement:
    return Measurement(
        concept=codes.ATTENUATION,
        value=value,
        unit=codes.HOUNSFIELD,
        derivation=codes.MEAN,
        method="trab_v1",
        series_uid="1.5",
    )


def score(probability: float | None, **changes: object) -> Score:
    positive = None if probability is None else probability >= 0.5
    made = Score(
        model_id="m",
        model_version="1",
        model_sha256="ab",
        applicable=probability is not None,
        demonstration=True,
        endpoint="osteoporosis",
        probability=probability,
        positive=positive,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def result(
    category: Category = Category.NO_FLAG,
    value: float = 150.0,
    scores: tuple[Score, ...] = (),
    flags: tuple[Reason, ...] = (),
) -> StudyResult:
    level = LevelResult(level=Level.L1, evaluable=True, quality=0.9, flags=flags, measurements=(measurement(value),))
    return StudyResult(
        study_uid="1.2",
        revision=3,
        category=category,
        reasons=(),
        levels=(level,),
        summary=(measurement(value),),
        scores=scores,
        versions={"software": "1"},
    )


@given(st.floats(-1000, 3000), st.floats(0, 1))
def test_a_result_is_like_itself_whatever_it_took(value: float, probability: float) -> None:
    one = result(value=value, scores=(score(probability),))

    found = difference(one, replace(one, timings_s={"segment": 9.0}))

    assert not found.changed
    assert found.versions == {}


def test_versions_alone_are_no_difference() -> None:
    found = difference(result(), replace(result(), versions={"software": "2"}))

    assert not found.changed
    assert found.versions == {"software": ("1", "2")}


def test_values_are_told_by_level_with_what_was_and_is() -> None:
    found = difference(result(value=150.0), result(value=151.0))

    assert found.changed
    assert [(change.level, change.before, change.after) for change in found.values] == [
        ("study", 150.0, 151.0),
        ("L1", 150.0, 151.0),
    ]
    gone = difference(result(), replace(result(), levels=(), summary=()))
    unit = codes.HOUNSFIELD.value
    meaning = f"{codes.ATTENUATION.meaning} ({codes.MEAN.meaning})"
    assert gone.values[0] == ValueChange(level="study", meaning=meaning, unit=unit, before=150.0, after=None)


def test_scores_that_come_go_abstain_or_change_sides_are_told() -> None:
    came = difference(result(), result(scores=(score(0.7),)))
    abstains = difference(result(scores=(score(0.7),)), result(scores=(score(None),)))
    retrained = difference(result(scores=(score(0.7),)), result(scores=(score(0.7, model_sha256="cd"),)))
    spoken = difference(result(scores=(score(0.7, active=False),)), result(scores=(score(0.7),)))

    assert came.scores == (
        ScoreChange(
            model_id="m",
            endpoint="osteoporosis",
            before=None,
            after=0.7,
            before_positive=None,
            after_positive=True,
            active=True,
        ),
    )
    assert abstains.scores == (
        ScoreChange(
            model_id="m",
            endpoint="osteoporosis",
            before=0.7,
            after=None,
            before_positive=True,
            after_positive=None,
            active=True,
        ),
    )
    assert retrained.changed
    assert spoken.changed


def test_reasons_are_told_with_their_level() -> None:
    flagged = result(flags=(Reason(code=ReasonCode.METAL, level=Level.L1),))

    assert difference(result(), flagged).reasons_new == ("METAL L1",)
    assert difference(flagged, result()).reasons_gone == ("METAL L1",)


def test_flags_that_come_and_go_are_counted_apart() -> None:
    low, none = Category.LOW_BONE_DENSITY_SUSPECTED, Category.NO_FLAG
    came, gone, same = (difference(result(one), result(two)) for one, two in ((none, low), (low, none), (low, low)))

    assert (came.newly_flagged, came.no_longer_flagged) == (True, False)
    assert (gone.newly_flagged, gone.no_longer_flagged) == (False, True)
    assert (same.newly_flagged, same.no_longer_flagged, same.changed) == (False, False, False)
