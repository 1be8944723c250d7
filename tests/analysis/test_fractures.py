"""Possible fractures of a study: in the words of readers, over all series, with advice, and countable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.analysis.biomarkers.test_fracture_rules import graded
from tests.analysis.test_findings import context_of
from tests.imaging.drawn_series import axial, draw_spine
from trabecula.analysis.findings import Findings
from trabecula.analysis.fractures import fracture_lines, graded_deformities, study_fractures
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.deformity import DeformityDegree
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.imaging.acquisition import StatedPatient

THRESHOLDS = load_thresholds()


@pytest.fixture(scope="module")
def sound() -> Findings:
    spine = draw_spine(axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0))
    return Findings(context=context_of(spine))


def study(sound: Findings, sex: str, age: float | None, **series: Mapping[str, float]) -> dict[SeriesRole, Findings]:
    """One series for each role, whose bodies lost so much height (percent)."""
    patient = StatedPatient(age_years=age, sex=sex)
    made = {}
    for role, losses in series.items():
        candidate = replace(
            sound.context.candidate, acquisition=replace(sound.context.candidate.acquisition, series_uid=f"2.25.{role}")
        )
        context = replace(sound.context, patient=patient, candidate=candidate)
        made[SeriesRole[role]] = Findings(context=context, deformities=graded(**losses))
    return made


@pytest.mark.parametrize(
    ("sex", "age", "losses", "first", "second"),
    [
        ("F", 72.0, {"L1": 31.0}, "(moderate), L1: height loss 31 % (wedge).", "In a woman of this age this points to"),
        ("M", 72.0, {"L1": 39.7}, "(moderate), L1: height loss 39.7 % (wedge).", "a single one below 40 % may have"),
        ("M", 72.0, {"L1": 44.0}, "(severe), L1: height loss 44 % (wedge).", "In a man of this age this points to"),
        ("", 72.0, {"L1": 31.0}, "(moderate), L1: height loss 31 % (wedge).", "Sex or age is not known"),
        ("F", 41.0, {"L1": 31.0}, "(moderate), L1: height loss 31 % (wedge).", "At this age other causes come first"),
        (
            "F",
            72.0,
            {"L1": 21.0, "L3": 17.0},
            "(mild), L1: height loss 21 % (wedge); possible vertebral fracture (minimal), L3: height loss 17 % "
            "(wedge).",
            "points to osteoporosis",
        ),
    ],
)
def test_words_are_those_of_readers_and_always_hold_advice(
    sound: Findings, sex: str, age: float | None, losses: dict[str, float], first: str, second: str
) -> None:
    found = study_fractures(study(sound, sex, age, CT=losses))

    lines = fracture_lines(found, StatedPatient(age_years=age, sex=sex), THRESHOLDS)

    assert lines[0] == f"Possible vertebral fracture {first}"
    assert second in lines[1]
    assert lines[1].endswith("fracture assessment, whatever the density.")


def test_what_another_series_shows_is_told_whichever_decides(sound: Findings) -> None:
    findings = study(sound, "F", 72.0, T1W={"L1": 22.0, "L2": 30.0}, T2W={"L1": 27.0, "L2": 26.0})

    found = study_fractures(findings)

    assert {str(level): (uid, body.loss) for level, (uid, body) in found.bodies.items()} == {
        "L1": ("2.25.T2W", 0.27),
        "L2": ("2.25.T1W", 0.30),
    }


def test_a_level_that_is_not_certain_is_not_named(sound: Findings) -> None:
    findings = study(sound, "F", 72.0, CT={"L1": 31.0})
    findings[SeriesRole.CT].reasons.append(Reason(code=ReasonCode.NUMBERING_AMBIGUOUS))

    lines = fracture_lines(study_fractures(findings), StatedPatient(age_years=72.0, sex="F"), THRESHOLDS)

    assert "L1" not in lines[0]
    assert "a body whose level is not certain" in lines[0]


def test_every_lost_height_is_kept_for_counting_with_whether_it_was_named(sound: Findings) -> None:
    findings = study(sound, "M", 72.0, CT={"T12": 10.0, "L1": 31.0, "L3": 22.0, "L5": 16.0})

    kept = graded_deformities(findings, study_fractures(findings), THRESHOLDS.deformity)

    assert [(str(item.level), item.degree, item.named, item.recommended) for item in kept] == [
        ("L1", DeformityDegree.MODERATE, True, True),
        ("L3", DeformityDegree.MILD, False, False),
        ("L5", DeformityDegree.MINIMAL, False, False),
    ]


def test_without_lost_height_nothing_is_said(sound: Findings) -> None:
    findings = study(sound, "F", 72.0, CT={"L1": 5.0})

    assert fracture_lines(study_fractures(findings), StatedPatient(), THRESHOLDS) == ()
    assert graded_deformities(findings, study_fractures(findings), THRESHOLDS.deformity) == ()
