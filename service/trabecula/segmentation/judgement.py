"""Coded reasons about an outline: what blocks a measurement and what only warns. Odd shapes only warn: fractures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import Level
from trabecula.segmentation.naming.levels import Naming
from trabecula.segmentation.network.instances import Instances, StackBody
from trabecula.segmentation.reading import Reading

QUALITY_MIN = 0.75
_QUALITY_WARN = 0.88
_METAL_SHARE = 0.04
_SCOLIOSIS_MM = 14.0
_ODD_VOLUME = 0.6


def judge_body(
    body: StackBody, level: Level | None, quality: float, reading: Reading, threshold: Callable[[str, float], float]
) -> tuple[Reason, ...]:
    """Reasons that concern one body."""
    reasons = []
    least, warn = threshold("quality_min", QUALITY_MIN), threshold("quality_warn", _QUALITY_WARN)
    if quality < least:
        reasons.append(Reason(code=ReasonCode.SEG_QC, level=level, value=round(quality, 2), limit=round(least, 2)))
    elif quality < warn:
        reasons.append(
            Reason(
                code=ReasonCode.SEG_WARNING, blocking=False, level=level, value=round(quality, 2), limit=round(warn, 2)
            )
        )
    if body.edge:
        reasons.append(Reason(code=ReasonCode.BORDER, level=level))
    basin = reading.instances.basins == body.number
    metal = reading.maps.probability("metal")[basin]
    if metal.size and float((metal > 0.5).mean()) > _METAL_SHARE:
        reasons.append(Reason(code=ReasonCode.METAL, level=level))
    volumes = [other.volume_mm3 for other in reading.instances.bodies if not other.edge]
    if len(volumes) > 2 and not body.edge and body.volume_mm3 < _ODD_VOLUME * float(np.median(volumes)):
        reasons.append(
            Reason(
                code=ReasonCode.SEG_WARNING, blocking=False, level=level, detail="much smaller than the other bodies"
            )
        )
    return tuple(reasons)


def judge_study(instances: Instances, naming: Naming, reversed_header: bool, side_mm: float) -> tuple[Reason, ...]:
    """Reasons that concern the whole volume."""
    reasons = list(naming.reasons)
    if not instances.bodies:
        reasons.append(Reason(code=ReasonCode.NOT_A_SPINE))
    if reversed_header:
        reasons.append(Reason(code=ReasonCode.UPSIDE_DOWN))
    sides = [body.centre[0] * side_mm for body in instances.bodies]
    if len(sides) > 2 and max(sides) - min(sides) > _SCOLIOSIS_MM:
        reasons.append(Reason(code=ReasonCode.SCOLIOSIS, blocking=False))
    return tuple(reasons)
