"""Possible vertebral fractures of a study: over all its series, in words, and as the result keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trabecula.analysis.biomarkers.deformity import Deformity
from trabecula.analysis.biomarkers.fracture_rules import FractureMeaning, ToldFractures, joined
from trabecula.analysis.findings import Findings
from trabecula.domain.results.deformity import GradedDeformity
from trabecula.domain.results.ground import told
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import DeformityThresholds, Thresholds
from trabecula.domain.spine import Level
from trabecula.domain.uids import SeriesUid
from trabecula.imaging.acquisition import StatedPatient

_SEX_WORDS = {"F": "woman", "M": "man"}


@dataclass(frozen=True)
class StudyFractures:
    """What is told of a study's bodies. ``bodies`` holds the strongest deformity of each level and its series;
    ``levels_certain`` is False where no name of a level can be trusted."""

    bodies: Mapping[Level, tuple[SeriesUid, Deformity]] = field(default_factory=dict)
    meaning: FractureMeaning | None = None
    levels_certain: bool = True

    def __bool__(self) -> bool:
        return bool(self.bodies)


def study_fractures(findings: Mapping[SeriesRole, Findings]) -> StudyFractures:
    """Return the possible fractures of all measured series: what one of them shows is told, whichever decides."""
    series = {found.context.series_uid: found.told_fractures for found in findings.values()}
    meanings = {each.meaning for each in series.values() if each.meaning is not None}
    return StudyFractures(
        bodies=joined(series),
        meaning=next((meaning for meaning in FractureMeaning if meaning in meanings), None),
        levels_certain=not any(_unsure(reason) for found in findings.values() for reason in found.study_reasons),
    )


def _unsure(reason: Reason) -> bool:
    return reason.code is ReasonCode.NUMBERING_AMBIGUOUS and reason.blocking


def fracture_lines(found: StudyFractures, patient: StatedPatient, thresholds: Thresholds) -> tuple[str, ...]:
    """Return which bodies may be fractured, in the words of readers, and what it means with what to do; none without
    any."""
    if not found:
        return ()
    bands = thresholds.deformity
    named = []
    for level, (_, body) in found.bodies.items():
        place = str(level) if found.levels_certain else "a body whose level is not certain"
        named.append(f"({bands.degree(body.loss)}), {place}: {loss_words(body.loss, bands)} ({body.kind})")
    first = f"Possible vertebral fracture {'; possible vertebral fracture '.join(named)}."
    return (first, _meaning_line(found.meaning, patient, bands))


def loss_words(loss: float, bands: DeformityThresholds) -> str:
    """Return ``height loss 31 %``, with as many decimals as keep it on its side of the bands."""
    shown, _ = told(100 * loss, [100 * limit for limit in (bands.minimal_loss, *bands.losses)], 0)
    return f"height loss {shown} %"


def _meaning_line(meaning: FractureMeaning | None, patient: StatedPatient, bands: DeformityThresholds) -> str:
    advice = "consider fracture assessment, whatever the density"
    who = f"a {_SEX_WORDS.get(patient.sex, 'person')} of this age"
    match meaning:
        case FractureMeaning.POINTS_TO_OSTEOPOROSIS:
            said = f"In {who} this points to osteoporosis where no other cause (injury, ...) explains it"
            advice = "consider fragility fracture assessment, whatever the density"
        case FractureMeaning.MAY_NOT_SUFFICE:
            limit = next((rule.patterns[0].least_losses[0] for rule in bands.rules if rule.sex == patient.sex), None)
            below = f" below {100 * limit:g} %" if limit is not None else ""
            said = f"In {who} a single one{below} may have other causes (injury, Scheuermann's disease)"
        case FractureMeaning.TOO_YOUNG:
            said = "At this age other causes come first (injury, Scheuermann's disease, disease of the bone)"
        case _:
            said = "Sex or age is not known, so this is not weighed by them"
    return f"{said}; {advice}."


def graded_deformities(
    findings: Mapping[SeriesRole, Findings], found: StudyFractures, bands: DeformityThresholds
) -> tuple[GradedDeformity, ...]:
    """Return every body that lost height, minimal losses included, for counts: the strongest of each level, and whether
    it was named and with a recommendation."""
    every = joined({item.context.series_uid: ToldFractures(item.deformities) for item in findings.values()})
    kept = []
    for level, (series_uid, body) in every.items():
        degree = bands.degree(body.loss)
        if degree is None:
            continue
        kept.append(
            GradedDeformity(
                level=level,
                kind=body.kind,
                degree=degree,
                loss_percent=round(100 * body.loss, 1),
                named=level in found.bodies,
                recommended=level in found.bodies,
                series_uid=series_uid,
            )
        )
    return tuple(kept)
