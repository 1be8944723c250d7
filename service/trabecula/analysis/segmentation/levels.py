"""Names bodies by counting up from the sacrum; where no sacrum is in view, or ribs contradict, they stay unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.segmentation.inference import Maps
from trabecula.analysis.segmentation.instances import Body, Instances
from trabecula.analysis.segmentation.ribs import Sides, contradiction
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.spine import Level

COUNTED = "counted from the sacrum"
UNKNOWN = "unknown: no sacrum in view"
CONTRADICTED = "unknown: ribs contradict the count from the sacrum"

_S1_AREA_MM2 = 180.0
_SACRUM_AREA_MM2 = 60.0
_S1_SURE = 0.7
_PITCH_MM = (16.0, 58.0)
_GAP_RATIO = 1.55
_LEAST_RATIO, _CLOSE_RATIO = 0.62, 0.85
_TWO_BODIES, _TWO_AREAS, _PART_OF_ONE = 1.75, 1.45, 0.5


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
    top = int(np.flatnonzero(region.any(axis=(0, 2)))[0])
    if float(sacrum[:, top:].sum(axis=(1, 2)).max()) < _SACRUM_AREA_MM2:
        return None
    sureness = float(s1[region].mean())
    if sureness < _S1_SURE:
        return None
    return Anchor(region, (float(centre[0]), float(centre[1]), float(centre[2])), sureness)


def name_bodies(
    instances: Instances, anchor: Anchor | None, side_mm: float, poor: Sequence[bool] | None = None
) -> Naming:
    """Name bodies upward from the anchor until a gap in the row; what lies beyond a gap stays unknown.

    So does everything from a ``poor`` outline on, where those are told: nobody can count across what is not seen.
    """
    bodies = instances.bodies
    if anchor is None or not bodies or _lies_within(bodies, anchor):
        reason = (Reason(ReasonCode.NUMBERING_AMBIGUOUS, blocking=False, detail="no sacrum in view"),)
        return Naming((None,) * len(bodies), UNKNOWN, reason if bodies else ())
    above = [k for k, body in enumerate(bodies) if body.centre[1] < anchor.centre[1]]
    if _is_part_of_s1(bodies, above, anchor):
        above.pop()
    levels: list[Level | None] = [None] * len(bodies)
    scale = np.array([side_mm, 1.0, 1.0])
    former = np.array(anchor.centre) * scale
    pitches: list[float] = []
    reasons = [Reason(ReasonCode.LEVELS_ASSUMED, blocking=False)]
    label = Level.L5.label
    for k in reversed(above):
        place = np.array(bodies[k].centre) * scale
        gap = float(np.linalg.norm((place - former)[1:]))
        doubt = _doubt(bodies, k, gap, pitches) or ("more bodies than levels" if label < Level.T1.label else "")
        doubt = "an outline too poor to count across" if poor and poor[k] and not bodies[k].edge else doubt
        if doubt:
            reasons.append(Reason(ReasonCode.NUMBERING_AMBIGUOUS, blocking=False, detail=doubt))
            break
        levels[k] = Level(label)
        pitches.append(gap)
        former, label = place, label - 1
    if all(level is None for level in levels):
        return Naming(tuple(levels), UNKNOWN, tuple(reasons[1:]))
    return Naming(tuple(levels), COUNTED, tuple(reasons))


def check_ribs(naming: Naming, ribs: Sequence[Sides]) -> Naming:
    """Take all names back where ribs contradict them: then the spine may have four or six lumbar vertebrae."""
    doubt = contradiction(naming.levels, ribs)
    if not doubt:
        return naming
    reason = Reason(ReasonCode.NUMBERING_AMBIGUOUS, blocking=False, detail=doubt)
    return Naming((None,) * len(naming.levels), CONTRADICTED, (reason,))


def _lies_within(bodies: Sequence[Body], anchor: Anchor) -> bool:
    """True where a body of usual size lies clearly below what looks like S1: then it is not S1."""
    usual = float(np.median([body.volume_mm3 for body in bodies]))
    return any(
        body.centre[1] > anchor.centre[1] + _PITCH_MM[0] and body.volume_mm3 > _PART_OF_ONE * usual for body in bodies
    )


def _doubt(bodies: Sequence[Body], k: int, gap: float, pitches: Sequence[float]) -> str:
    """Why body ``k``, ``gap`` mm above the last named one, cannot be counted; "" where it can."""
    usual = float(np.median(pitches)) if pitches else 36.0
    least = _LEAST_RATIO * usual if len(pitches) > 1 else 0.0
    if gap > max(_GAP_RATIO * usual, 30.0) or not max(_PITCH_MM[0], least) <= gap <= _PITCH_MM[1]:
        return f"a gap of {gap:.0f} mm between bodies"
    if _may_hold_two(bodies, k):
        return "an outline that may hold two bodies"
    if not bodies[k].edge and _is_part(bodies, k) and gap < _CLOSE_RATIO * usual:
        return "an outline that may be a part of a body"
    return ""


def _neighbours(bodies: Sequence[Body], k: int) -> list[Body]:
    """Up to two whole bodies on either side."""
    near = range(max(k - 2, 0), min(k + 3, len(bodies)))
    return [bodies[j] for j in near if j != k and not bodies[j].edge]


def _may_hold_two(bodies: Sequence[Body], k: int) -> bool:
    """True where a body is far larger than the largest near it (a fair measure where others are crushed): by volume, or
    by its largest slice, which grows less from L1 to L5, so that two small ones stand out beside a large one. Slices
    are compared with those of the four nearest whole bodies, on one side only at the end of a row."""
    others = _neighbours(bodies, k)
    if others and bodies[k].volume_mm3 > _TWO_BODIES * max(body.volume_mm3 for body in others):
        return True
    by_distance = sorted(range(len(bodies)), key=lambda j: abs(j - k))
    nearest = [bodies[j].area_mm2 for j in by_distance if j != k and not bodies[j].edge][:4]
    return bool(nearest) and bodies[k].area_mm2 > _TWO_AREAS * max(nearest)


def _is_part(bodies: Sequence[Body], k: int) -> bool:
    others = [body.volume_mm3 for body in _neighbours(bodies, k)]
    return bool(others) and bodies[k].volume_mm3 < _PART_OF_ONE * float(np.median(others))


def _is_part_of_s1(bodies: Sequence[Body], above: Sequence[int], anchor: Anchor) -> bool:
    """True where the lowest body is small and so near to S1 that it is a piece of it."""
    if len(above) < 3:
        return False
    rows = [bodies[k].centre[1] for k in above]
    pitch = float(np.median(np.diff(rows)))
    near = anchor.centre[1] - rows[-1] < _LEAST_RATIO * pitch
    return near and _is_part(bodies, above[-1])
