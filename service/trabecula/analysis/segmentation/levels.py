"""Names bodies by counting up from the sacrum; where no sacrum is in view they stay unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.segmentation.inference import Maps
from trabecula.analysis.segmentation.instances import Body, Instances
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.spine import Level

COUNTED = "counted from the sacrum"
UNKNOWN = "unknown: no sacrum in view"

_S1_AREA_MM2 = 180.0
_SACRUM_AREA_MM2 = 60.0
_S1_SURE = 0.7
_PITCH_MM = (16.0, 58.0)
_GAP_RATIO = 1.55
_TWO_BODIES = 1.75


@dataclass(frozen=True, eq=False)
class Anchor:
    """S1 on the stack: its voxels, centre (stack index) and how sure the network is of it."""

    mask: NDArray[np.bool_]
    centre: tuple[float, float, float]
    sureness: float


@dataclass(frozen=True)
class Naming:
    """The level of each body from head to foot (None: unknown), in words how, and what to say about it."""

    levels: tuple[Level | None, ...]
    how: str
    reasons: tuple[Reason, ...]


def find_anchor(maps: Maps, side_mm: float) -> Anchor | None:
    """Find S1's body with sacrum behind or below it; None where it is not clearly there."""
    s1 = maps.probability("s1")
    mask = s1 > 0.5
    named, count = ndimage.label(mask)
    if not count:
        return None
    sizes = ndimage.sum_labels(mask, named, np.arange(1, count + 1))
    best = int(np.argmax(sizes)) + 1
    region = named == best
    area = float(region.sum(axis=(1, 2)).max())
    if area < _S1_AREA_MM2:
        return None
    others = sizes[np.arange(count) != best - 1]
    if len(others) and others.max() > 0.6 * sizes[best - 1]:
        return None
    centre = ndimage.center_of_mass(region)
    sacrum = maps.probability("sacrum") > 0.5
    below = sacrum[:, max(int(centre[1]) - 5, 0) :]
    at_edge = np.flatnonzero(region.any(axis=(0, 2))).max() >= region.shape[1] - 3
    if float(below.sum(axis=(1, 2)).max()) < _SACRUM_AREA_MM2 and not at_edge:
        return None
    sureness = float(s1[region].mean())
    if sureness < _S1_SURE:
        return None
    return Anchor(region, (float(centre[0]), float(centre[1]), float(centre[2])), sureness)


def name_bodies(instances: Instances, anchor: Anchor | None, side_mm: float) -> Naming:
    """Name bodies upward from the anchor until a gap in the row; what lies beyond a gap stays unknown."""
    bodies = instances.bodies
    if anchor is None or not bodies:
        reason = (Reason(ReasonCode.NUMBERING_AMBIGUOUS, blocking=False, detail="no sacrum in view"),)
        return Naming((None,) * len(bodies), UNKNOWN, reason if bodies else ())
    above = [k for k, body in enumerate(bodies) if body.centre[1] < anchor.centre[1]]
    levels: list[Level | None] = [None] * len(bodies)
    scale = np.array([side_mm, 1.0, 1.0])
    former = np.array(anchor.centre) * scale
    pitches: list[float] = []
    reasons = [Reason(ReasonCode.LEVELS_ASSUMED, blocking=False)]
    label = Level.L5.label
    for k in reversed(above):
        place = np.array(bodies[k].centre) * scale
        gap = float(np.linalg.norm((place - former)[1:]))
        usual = float(np.median(pitches)) if pitches else 36.0
        if gap > max(_GAP_RATIO * usual, 30.0) or gap > _PITCH_MM[1] or gap < _PITCH_MM[0] or label < Level.T1.label:
            detail = f"a gap of {gap:.0f} mm between bodies"
            reasons.append(Reason(ReasonCode.NUMBERING_AMBIGUOUS, blocking=False, detail=detail))
            break
        if _may_be_two(bodies, k):
            detail = "an outline that may hold two bodies"
            reasons.append(Reason(ReasonCode.NUMBERING_AMBIGUOUS, blocking=False, detail=detail))
            break
        levels[k] = Level(label)
        pitches.append(gap)
        former, label = place, label - 1
    if all(level is None for level in levels):
        return Naming(tuple(levels), UNKNOWN, tuple(reasons[1:]))
    return Naming(tuple(levels), COUNTED, tuple(reasons))


def _may_be_two(bodies: Sequence[Body], k: int) -> bool:
    """True where a body is much larger than its neighbours: two that a collapsed disc or a crush fracture fused."""
    others = [
        bodies[j].volume_mm3 for j in range(max(k - 2, 0), min(k + 3, len(bodies))) if j != k and not bodies[j].edge
    ]
    return bool(others) and bodies[k].volume_mm3 > _TWO_BODIES * float(np.median(others))
