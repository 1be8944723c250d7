"""Looks for ribs beside the bodies: the only sign, besides counting, of where the lumbar spine begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.spine import Level
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import Instances, StackBody

_BESIDE_MM = (2.0, 10.0)
"""Where a rib is looked for, from the body's side outward: farther out the rib of the body above comes down."""
_ABOVE_MM, _BELOW_MM, _FRONT_MM, _BACK_MM = 6, 2, 16, 24
_RIB_MM2, _STRONG_MM2, _NONE_MM2 = 60.0, 110.0, 24.0
"""A section that is surely rib where both sides of two neighbours show it, and one that is so by itself (what T12 of
real spines with short ribs has, 36-53, is neither); and what may be left where there is none."""
_ALIKE = 0.9
_GROWN, _WANING = 2.0, 1 / 3
"""A section beside L1 of ``_STRONG_MM2`` that is so many times the larger one of T12 is a rib of its own: a rib is
largest beside the body it belongs to, and what comes down from T12 is less (at most 1.1 times where it has 110 mm2 and
more, in the spines below). Sections beside T12 under this share of T11's on both sides, or on both together, may be no
more than what comes down from T11: T12 or a first lumbar body, nobody can tell (a real T12 with short ribs has 0.22 and
0.58, together 0.35)."""
_BOTH = 2
"""Sides that must show a rib, or none: one alone may be a transverse process, or a slice that just misses it.

Sections of rib (mm2, both sides) beside T12 | L1 | L2 of real spines with five lumbar vertebrae:
168, 190 | 113, 124 | 76, 95; 91, 121 | 71, 1 | 0; 48, 122 | 71, 102 | 38, 7; 53, 36 | 34, 0 | 1, 0;
315, 373 | 214, 96 | 101, 106; 37, 45 | 1, 25 | 0; 234, 132 | 159, 140 | 9, 9; and beside L1 alone 270, 235. So ribs of
T12 that come down beside L1 and long transverse processes are told from another pair of ribs only where both sides of
L1 match those of T12, and short ribs of T12 from none only where both its sides are bare below a T11 with ribs."""

Sides = tuple[float, ...]
"""The largest section of rib (mm2) on each side of a body that is in view; empty where neither is."""


def find_ribs(maps: Maps, instances: Instances, side_mm: float) -> tuple[Sides, ...]:
    """Measure, for every body from head to foot, the ribs beside it."""
    if "rib" not in maps.classes or not instances.bodies:
        return ((),) * len(instances.bodies)
    rib = maps.probability("rib") > 0.5
    outlines = ndimage.find_objects(np.where(instances.bodyness > 0.5, instances.basins, 0))
    return tuple(_beside(rib, body, outlines[body.number - 1], side_mm) for body in instances.bodies)


def _beside(rib: NDArray[np.bool_], body: StackBody, box: tuple[slice, ...] | None, side_mm: float) -> Sides:
    if box is None:
        return ()
    rows = slice(max(box[1].start - _ABOVE_MM, 0), box[1].stop + _BELOW_MM)
    columns = slice(max(box[2].stop - _FRONT_MM, 0), box[2].stop + _BACK_MM)
    areas = rib[:, rows, columns].sum(axis=(1, 2))
    away = (np.arange(len(rib)) - body.centre[0]) * side_mm
    half = (box[0].stop - box[0].start) * side_mm / 2
    planes = [(sign * away - half >= _BESIDE_MM[0]) & (sign * away - half <= _BESIDE_MM[1]) for sign in (-1, 1)]
    return tuple(float(areas[near].max()) for near in planes if near.any())


@dataclass(frozen=True)
class Contradiction:
    """What ribs say against the count from the sacrum: the sign, and how many lumbar vertebrae it would make."""

    sign: str
    by_ribs: int


def contradiction(levels: Sequence[Level | None], ribs: Sequence[Sides]) -> Contradiction | None:
    """How ribs contradict names counted from the sacrum; None where they do not, or where too little is seen.

    Four lumbar vertebrae leave ribs beside what was counted as L1, as large as those beside T12. Six leave what was
    counted as T12 without any, though T11 bears them. Of 799 real spines 93 % have five lumbar vertebrae
    (CTSpinoPelvic1K): a sign that is found more often than in 7 % of spines is none.
    """
    found = {level: sides for level, sides in zip(levels, ribs, strict=True) if level is not None}
    l1, t12, t11 = (found.get(level, ()) for level in (Level.L1, Level.T12, Level.T11))
    if _bears(l1) and _bears(t12) and sum(l1) >= _ALIKE * sum(t12):
        return Contradiction("ribs beside the body counted as L1 as large as those of T12", 4)
    if l1 and len(l1) == len(t12) and max(l1) >= max(_STRONG_MM2, _GROWN * max(t12)):
        return Contradiction("a rib beside the body counted as L1 far larger than that of T12", 4)
    if _bears(t11) and len(t12) == _BOTH and max(t12) <= _NONE_MM2:
        return Contradiction("no ribs beside the body counted as T12", 6)
    if _bears(t11, _STRONG_MM2) and len(t12) == _BOTH and _wanes(t12, t11):
        return Contradiction("hardly any ribs beside the body counted as T12", 6)
    return None


def _wanes(low: Sides, high: Sides) -> bool:
    """True where both sides are under a third of those above, or both together are and neither is surely a rib."""
    both = sum(low) < _WANING * sum(high) and max(low) < _RIB_MM2
    return both or all(one < _WANING * other for one, other in zip(low, high, strict=True))


def _bears(sides: Sides, least_mm2: float = _RIB_MM2) -> bool:
    """True where a rib is surely seen on either side."""
    return len(sides) == _BOTH and min(sides) >= least_mm2
