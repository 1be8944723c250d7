"""Looks for ribs beside the bodies: the only sign, besides counting, of where the lumbar spine begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.segmentation.inference import Maps
from trabecula.analysis.segmentation.instances import Body, Instances
from trabecula.domain.spine import Level

_BESIDE_MM = (2.0, 10.0)
"""Where a rib is looked for, from the body's side outward: farther out the rib of the body above comes down."""
_ABOVE_MM, _BELOW_MM, _FRONT_MM, _BACK_MM = 6, 2, 16, 24
_RIB_MM2, _ALONE_MM2, _SHORT_MM2, _END_MM2 = 75.0, 110.0, 133.0, 40.0
_ALIKE, _UNLIKE = 0.8, 0.6
_BOTH = 2
"""Sides that must show a rib where none is expected: one alone may be a transverse process."""

Sides = tuple[float, ...]
"""The largest section of rib (mm2) on each side of a body that is in view; empty where neither is."""


def find_ribs(maps: Maps, instances: Instances, side_mm: float) -> tuple[Sides, ...]:
    """Measure, for every body from head to foot, the ribs beside it."""
    if "rib" not in maps.classes or not instances.bodies:
        return ((),) * len(instances.bodies)
    rib = maps.probability("rib") > 0.5
    outlines = ndimage.find_objects(np.where(instances.bodyness > 0.5, instances.basins, 0))
    return tuple(_beside(rib, body, outlines[body.number - 1], side_mm) for body in instances.bodies)


def _beside(rib: NDArray[np.bool_], body: Body, box: tuple[slice, ...] | None, side_mm: float) -> Sides:
    if box is None:
        return ()
    rows = slice(max(box[1].start - _ABOVE_MM, 0), box[1].stop + _BELOW_MM)
    columns = slice(max(box[2].stop - _FRONT_MM, 0), box[2].stop + _BACK_MM)
    areas = rib[:, rows, columns].sum(axis=(1, 2))
    away = (np.arange(len(rib)) - body.centre[0]) * side_mm
    half = (box[0].stop - box[0].start) * side_mm / 2
    planes = [(sign * away - half >= _BESIDE_MM[0]) & (sign * away - half <= _BESIDE_MM[1]) for sign in (-1, 1)]
    return tuple(float(areas[near].max()) for near in planes if near.any())


def contradiction(levels: Sequence[Level | None], ribs: Sequence[Sides]) -> str:
    """How ribs contradict names counted from the sacrum; "" where they do not, or where too little is seen.

    Four lumbar vertebrae leave ribs beside what was counted as L1, as large as those above it, or with ends that come
    down beside L2. Six leave what was counted as T12 without, though T11 bears them: long transverse processes at
    most. All limits were fixed on phantoms.
    """
    found = {level: sides for level, sides in zip(levels, ribs, strict=True) if level is not None}
    l2, l1, t12, t11 = (found.get(level, ()) for level in (Level.L2, Level.L1, Level.T12, Level.T11))
    if len(l1) == _BOTH and min(l1) >= (_RIB_MM2 if t12 else _ALONE_MM2) and (not t12 or _bears(t12, l1)):
        return "ribs beside the body counted as L1"
    if l2 and l1 and min(l1) >= _RIB_MM2 and _mean(l2) >= _END_MM2:
        return "ribs beside the bodies counted as L1 and L2"
    if t12 and t11 and min(t11) >= _RIB_MM2 and _mean(t12) <= min(_SHORT_MM2, _UNLIKE * _mean(t11)):
        return "no ribs beside the body counted as T12"
    return ""


def _bears(above: Sides, sides: Sides) -> bool:
    """True where the body above bears ribs and those of this one are about as large: they are not its ribs' ends."""
    return _mean(above) >= _RIB_MM2 and _mean(sides) >= _ALIKE * _mean(above)


def _mean(sides: Sides) -> float:
    return sum(sides) / len(sides)
