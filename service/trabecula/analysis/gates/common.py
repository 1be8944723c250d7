"""Gates of every modality: order, coverage, curvature, words of the request, age and sex."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import SCOLIOSIS
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.imaging.words import without, word_of


def coverage(context: GateContext) -> Iterator[Reason]:
    """At least two of L1-L4 must have been found and named; each missing one is named.

    Where images of the series could not be used, what is left says nothing of the region: they are the reason.
    """
    found = {body.level for body in context.bodies}
    missing = [level for level in MEASURED_LEVELS if level not in found]
    if len(MEASURED_LEVELS) - len(missing) < context.thresholds.attenuation.minimum_levels:
        unnamed = sum(body.level is None for body in context.segmentation.bodies)
        lost = sorted((item for item in context.candidate.reasons if item.code in _LOST), key=_cause_first)
        yield from (replace(item, blocking=True) for item in lost)
        if not context.segmentation.bodies:
            if not lost:
                yield context.reason(ReasonCode.NOT_A_SPINE)
            return
        if unnamed >= context.thresholds.attenuation.minimum_levels:
            yield context.reason(ReasonCode.NUMBERING_AMBIGUOUS, detail=f"{unnamed} bodies without a name")
        elif not lost:
            yield context.reason(ReasonCode.NOT_TARGET_BODYPART)
    for level in missing:
        yield context.reason(ReasonCode.LEVEL_NOT_FOUND, level=level)


_LOST = (
    ReasonCode.RESCALE,
    ReasonCode.UNREADABLE_PIXELS,
    ReasonCode.SLICE_THICKNESS,
    ReasonCode.QUALITY_CONTROL,
    ReasonCode.SERIES_CONTINUES,
    ReasonCode.GEOMETRY,
    ReasonCode.MISSING_SLICES,
)
"""Why images of the scan are not part of its volume; the gaps they leave come last."""


def _cause_first(reason: Reason) -> int:
    return _LOST.index(reason.code)


def order(context: GateContext) -> Iterator[Reason]:
    """Levels must follow one another from head to foot; if all run the other way, the orientation tags are wrong."""
    heights = [float(body.frame.centre_mm[2]) for body in context.bodies]
    steps = [lower - upper for upper, lower in pairwise(heights)]
    if steps and all(step > 0 for step in steps):
        yield context.reason(ReasonCode.UPSIDE_DOWN)
    elif any(step > 0 for step in steps):
        yield context.reason(ReasonCode.SEG_QC, detail="the levels do not follow one another")


def curvature(context: GateContext) -> Iterator[Reason]:
    """Sideways curvature: the largest angle between the endplates of two bodies in the coronal plane (degrees).

    Where fewer than two bodies are whole sideways no angle can be had: then how far their middles spread (mm).
    """
    angles = [
        math.degrees(math.atan(float(body.frame.axes[2][0] / body.frame.axes[2][2])))
        for body in context.bodies
        if body.whole_sideways
    ]
    if len(angles) >= 2:
        found, limit, unit = max(angles) - min(angles), SCOLIOSIS.cobb_degrees, "degrees"
    else:
        sides = [body.centroid_mm[0] for body in context.segmentation.bodies if body.level is not Level.S1]
        found = max(sides) - min(sides) if len(sides) > 2 else 0.0
        limit, unit = SCOLIOSIS.sideways_mm, "mm"
    if found > limit:
        yield context.reason(ReasonCode.SCOLIOSIS, blocking=False, value=round(found), limit=limit, unit=unit)


def request_words(context: GateContext) -> Iterator[Reason]:
    """Words of the request or the protocol that ask for care: hardware, disease of the marrow; nobody saw it yet."""
    words = f"{context.made.study_text} {context.made.description} {context.made.protocol}"
    for text, name in ((without(words, "image_fusion"), "hardware"), (words, "marrow_disease")):
        said = word_of(text, name)
        if said:
            yield context.reason(ReasonCode.REQUEST_WORDS, blocking=False, detail=f"'{said}'")


def patient(context: GateContext) -> Iterator[Reason]:
    """Adults only; the thresholds come from people of 50 and more.

    Where ages contradict, none of them is used; one below the limit then blocks, because a child cannot be excluded.
    """
    person, thresholds = context.patient, context.thresholds
    age, youngest = person.age_years, thresholds.minimum_age_years
    for reason in person.reasons:
        doubt = reason.code is ReasonCode.AGE_CONFLICT and age is None and person.may_be_younger_than(youngest)
        yield replace(reason, blocking=True) if doubt else reason
    missing = ["age"] if age is None and not person.claimed_ages else []
    if not person.sex:
        missing.append(f"sex is {person.sex_recorded}" if person.sex_recorded else "sex")
    if missing:
        yield Reason(code=ReasonCode.AGE_SEX_MISSING, blocking=False, detail="; ".join(missing))
    if age is None:
        return
    if age < youngest:
        yield Reason(code=ReasonCode.AGE, value=float(int(age)), limit=float(youngest), unit="years")
    elif age < thresholds.young_below_years:
        value, limit = float(int(age)), float(thresholds.young_below_years)
        yield Reason(code=ReasonCode.YOUNG_ADULT, blocking=False, value=value, limit=limit, unit="years")
