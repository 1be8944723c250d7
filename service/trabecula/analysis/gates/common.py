"""Gates of every modality: outlines, order, coverage, curvature, words of the request, age and sex."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import OUTLINE, SCOLIOSIS
from trabecula.domain.results.ground import told
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.volume import Plane
from trabecula.imaging.words import without, word_of
from trabecula.regions.bodies import Body


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


def segmenter_said(context: GateContext) -> Iterator[Reason]:
    """What the segmenter itself doubts, study and bodies."""
    for reason in context.segmentation.reasons:
        yield _placed(context, reason)
    for body in context.bodies:
        for reason in body.segmented.reasons:
            yield _placed(context, reason, body)


def _placed(context: GateContext, reason: Reason, body: Body | None = None) -> Reason:
    level = reason.level if body is None else body.level
    return Reason(
        code=reason.code,
        blocking=reason.blocking,
        level=level,
        series_uid=context.series_uid,
        detail=reason.detail,
        value=reason.value,
        limit=reason.limit,
        unit=reason.unit,
    )


def borders(context: GateContext) -> Iterator[Reason]:
    """A body that the image cuts is not measured; sagittal series may end within a body's width."""
    for body in context.bodies:
        sagittal = body.geometry.plane is Plane.SAGITTAL
        if body.cut_in_plane:
            code = ReasonCode.BORDER if sagittal else ReasonCode.FOV_TRUNCATION
            yield context.reason(code, level=body.level)
        elif body.cut_across and not sagittal:
            yield context.reason(ReasonCode.BORDER, level=body.level)


def body_size(context: GateContext) -> Iterator[Reason]:
    """A body outside the range of human vertebrae is a wrong outline; at the edge of the range it is unusual."""
    bounds = OUTLINE
    for body in context.bodies:
        if not body.whole_sideways or body.cut_in_plane:
            continue
        for blocking, (low, high) in ((True, bounds.body_cm3), (False, bounds.body_usual_cm3)):
            if not low <= body.volume_cm3 <= high:
                limit = float(low if body.volume_cm3 < low else high)
                yield context.reason(
                    ReasonCode.SEG_QC if blocking else ReasonCode.SEG_WARNING,
                    blocking=blocking,
                    level=body.level,
                    detail="volume of the body",
                    value=float(told(body.volume_cm3, [limit], 1)[0]),
                    limit=limit,
                    unit="cm3",
                )
                break


def outline_quality(context: GateContext) -> Iterator[Reason]:
    """The segmenter's own estimate of its overlap with the truth must be high enough."""
    limit = OUTLINE.minimum_quality
    for body in context.bodies:
        said = any(reason.code is ReasonCode.SEG_QC for reason in body.segmented.reasons)
        if body.segmented.quality < limit and not said:
            value = round(body.segmented.quality, 2)
            detail = "estimated overlap"
            yield context.reason(ReasonCode.SEG_QC, level=body.level, detail=detail, value=value, limit=limit)


def order(context: GateContext) -> Iterator[Reason]:
    """Levels must follow one another from head to foot; if all run the other way, the orientation tags are wrong."""
    heights = [float(body.frame.centre_mm[2]) for body in context.bodies]
    steps = [lower - upper for upper, lower in pairwise(heights)]
    if steps and all(step > 0 for step in steps):
        yield context.reason(ReasonCode.UPSIDE_DOWN)
    elif any(step > 0 for step in steps):
        yield context.reason(ReasonCode.SEG_QC, detail="the levels do not follow one another")


def curvature(context: GateContext) -> Iterator[Reason]:
    """Sideways curvature: the largest angle between the endplates of two lumbar bodies in the coronal plane."""
    limit = SCOLIOSIS.cobb_degrees
    angles = [
        math.degrees(math.atan(float(body.frame.axes[2][0] / body.frame.axes[2][2])))
        for body in context.bodies
        if body.whole_sideways
    ]
    if len(angles) >= 2 and max(angles) - min(angles) > limit:
        value = round(max(angles) - min(angles))
        yield context.reason(ReasonCode.SCOLIOSIS, blocking=False, value=value, limit=limit, unit="degrees")


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
