"""Gates of outlines: the one place where a segmentation is judged, whichever program made it.

Segmenters report facts (expected Dice, edges, shares, how levels were named); what of it forbids a measurement and what
only warns is decided here, with limits of ``gates.toml``. Odd shapes only warn: fractured bodies have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trabecula.analysis.gates.context import GateContext
from trabecula.domain.results.ground import told
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import Segmentation, SegmentationVerdict, SegmentedBody
from trabecula.domain.spine import Level
from trabecula.domain.volume import Plane
from trabecula.regions.bodies import Body
from trabecula.segmentation.limits import OUTLINE

_ENOUGH_TO_COMPARE = 3


def judge(segmentation: Segmentation) -> SegmentationVerdict:
    """What is to be told of a segmentation and of each of its bodies."""
    by_label = {body.label: judge_outline(segmentation, body) for body in segmentation.bodies}
    return SegmentationVerdict(_of_whole(segmentation), by_label)


def _of_whole(segmentation: Segmentation) -> tuple[Reason, ...]:
    """What concerns a segmentation as a whole: names, no spine, a spine against its header."""
    reasons = [*segmentation.numbering_reasons]
    if not any(body.level is not Level.S1 for body in segmentation.bodies):
        reasons.append(Reason(code=ReasonCode.NOT_A_SPINE))
    if segmentation.against_header:
        reasons.append(Reason(code=ReasonCode.UPSIDE_DOWN))
    return tuple(reasons)


def judge_outline(segmentation: Segmentation, body: SegmentedBody) -> tuple[Reason, ...]:
    """What concerns one outlined body, by the facts its segmenter tells; S1 is an anchor and is not judged."""
    if body.level is Level.S1:
        return ()
    return tuple(replace(reason, level=body.level) for reason in _of_outline(segmentation, body))


def is_trusted(segmentation: Segmentation, body: SegmentedBody) -> bool:
    """Whether nothing about a body's outline forbids a measurement."""
    return not any(reason.blocking for reason in judge_outline(segmentation, body))


def _of_outline(segmentation: Segmentation, body: SegmentedBody) -> Iterator[Reason]:
    quality, least, usual = round(body.quality, 2), OUTLINE.minimum_quality, OUTLINE.usual_quality
    if body.quality < least:
        yield Reason(code=ReasonCode.SEG_QC, value=quality, limit=least)
    elif body.quality < usual:
        yield Reason(code=ReasonCode.SEG_WARNING, blocking=False, value=quality, limit=usual)
    if body.main_share < OUTLINE.main_share:
        yield Reason(code=ReasonCode.SEG_WARNING, blocking=False, detail="in several pieces")
    if not body.complete:
        yield Reason(code=ReasonCode.BORDER)
    if body.metal_share > OUTLINE.metal_share:
        yield Reason(code=ReasonCode.METAL)
    if _is_small(segmentation, body):
        yield Reason(code=ReasonCode.SEG_WARNING, blocking=False, detail="much smaller than the other bodies")


def _is_small(segmentation: Segmentation, body: SegmentedBody) -> bool:
    whole = [other.volume_mm3 for other in segmentation.bodies if other.complete and other.level is not Level.S1]
    small = body.volume_mm3 < OUTLINE.small_share * float(np.median(whole)) if whole else False
    return body.complete and len(whole) >= _ENOUGH_TO_COMPARE and small


def outlines(context: GateContext) -> Iterator[Reason]:
    """What is to be told of the segmentation and of each named body's outline, edges included."""
    for reason in _of_whole(context.segmentation):
        yield replace(reason, series_uid=context.series_uid)
    for body in context.bodies:
        for reason in judge_outline(context.segmentation, body.segmented):
            yield replace(reason, series_uid=context.series_uid)
        if body.segmented.complete:
            yield from _borders(context, body)


def _borders(context: GateContext, body: Body) -> Iterator[Reason]:
    """A body that the image cuts by its own voxels; sagittal series may end within a body's width."""
    sagittal = body.geometry.plane is Plane.SAGITTAL
    if body.cut_in_plane:
        yield context.reason(ReasonCode.BORDER if sagittal else ReasonCode.FOV_TRUNCATION, level=body.level)
    elif body.cut_across and not sagittal:
        yield context.reason(ReasonCode.BORDER, level=body.level)


def body_size(context: GateContext) -> Iterator[Reason]:
    """A body outside the range of human vertebrae is a wrong outline; at the edge of the range it is unusual."""
    for body in context.bodies:
        if not body.whole_sideways or body.cut_in_plane:
            continue
        for blocking, (low, high) in ((True, OUTLINE.body_cm3), (False, OUTLINE.body_usual_cm3)):
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
