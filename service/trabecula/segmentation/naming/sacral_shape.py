"""Tells S1 from L5 by shape: how deep a body is from front to back at its lower end, beside those above it.

A lumbar body is about as deep below as above. S1 is a wedge: its lower end is far shallower, which is what readers go
by where a disc below S1 makes it look lumbar. A squared S1 with a well-formed disc below it is what every lumbarised
one showed in Tokgoz 2014 (doi 10.3348/kjr.2014.15.2.258, abstract; so Konin and Walz 2010, doi 10.3174/ajnr.A2036).
O'Driscoll 1996 (Skeletal Radiol 25:225, abstract) calls it type 4: a disc of the whole depth and an abnormal outline of
the upper sacrum (12 of 100 patients); a disc alone is type 3 (16 of 100).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.segmentation.network.inference import Maps

_LEAST_MM2 = 150.0
_CORE_COSINE, _LEAST_CORE = 0.0, 60
_INNER = (0.2, 0.8)
"""The part of a body, from front to back, in which its upper and lower end are looked for: beside lips and corners."""
_LOWER, _REACH = (0.70, 0.92), (3.0, 97.0)
"""Where the depth of the lower end is taken, as shares of a body's height from its upper end; and the percentiles of
pixels between which it lies: a stray pixel is no depth."""
SQUARED = 0.90
"""Depth of S1's lower end, as a share of that of the bodies above, from which on S1 is squared. 29 real spines have
0.37-0.86, the highest with a tall disc below S1 (24 T2 SPACE slabs, five volumes of healthy people and water images);
lumbarised phantoms (21) 0.93-1.04, ordinary ones (110) 0.50-0.89."""
_DISC_NEAR_MM, _DISC_BELOW_MM, _DISC_ACROSS = 8.0, 4.0, 0.5
"""A disc of S1 lies so near to it and below its centre by so much; it is whole from this share of S1's lower depth on
(lumbarised phantoms 0.6 and more)."""


@dataclass(frozen=True)
class Shape:
    """A body seen from the side (mm): its height along the spine, its depth from front to back near the lower end."""

    height_mm: float
    lower_mm: float


def shape_of(maps: Maps, mask: NDArray[np.bool_], side: float, height_mm: float | None = None) -> Shape | None:
    """The shape of an outline ``[side, row, column]`` in the slices next to ``side`` (its centre, in slices).

    With a ``height_mm`` the lower end is looked for so far below the upper one, whatever follows. None where too little
    is outlined.
    """
    first = max(round(side) - 1, 0)
    found = [_in_slice(maps, mask[k], k, height_mm) for k in range(first, min(round(side) + 2, len(mask)))]
    seen = np.array([item for item in found if item is not None])
    if not len(seen):
        return None
    height, lower = np.median(seen, axis=0)
    return Shape(float(height), float(lower))


def _in_slice(maps: Maps, plane: NDArray[np.bool_], k: int, height_mm: float | None) -> tuple[float, float] | None:
    up = _upward(maps, plane, k)
    if up is None:
        return None
    row, column = np.nonzero(plane)
    along, across = row * up[0] + column * up[1], column * up[0] - row * up[1]
    low, high = np.quantile(across, _INNER)
    inner = along[(across >= low) & (across <= high)]
    bottom, top = np.percentile(inner, 2), np.percentile(inner, 98)
    height = float(top - bottom) + 1.0
    usual = height_mm or height
    below = (top - along) / max(usual, 1.0)
    band = across[(below >= _LOWER[0]) & (below <= _LOWER[1])]
    if len(band) < _LEAST_MM2 / 10:
        return None
    front, back = np.percentile(band, _REACH)
    return height, float(back - front) + 1.0


def _upward(maps: Maps, plane: NDArray[np.bool_], k: int) -> tuple[float, float] | None:
    """The direction (row, column) in which the phase grows within an outline: from one endplate to the other."""
    if plane.sum() < _LEAST_MM2:
        return None
    rows, columns = (np.flatnonzero(plane.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if min(len(range(*part.indices(10**6))) for part in box) < 3:
        return None
    cosine, sine = maps.cosine[k][box], maps.sine[k][box]
    core = plane[box] & (cosine > _CORE_COSINE)
    if core.sum() < _LEAST_CORE:
        return None
    turn = [cosine * np.gradient(sine, axis=axis) - sine * np.gradient(cosine, axis=axis) for axis in (0, 1)]
    row, column = (float(part[core].mean()) for part in turn)
    length = float(np.hypot(row, column))
    return (row / length, column / length) if length > 1e-4 else None


def lower_depth(shape: Shape, above: Sequence[Shape]) -> float:
    """The depth of a lower end as a share of the usual one among bodies above it."""
    return shape.lower_mm / float(np.median([other.lower_mm for other in above]))


def has_disc_below(maps: Maps, mask: NDArray[np.bool_], side: float, depth_mm: float) -> bool:
    """Whether a disc lies below a body ``[side, row, column]`` and reaches across half of its ``depth_mm`` or more, in
    most slices next to ``side``."""
    disc = maps.probability("disc") > 0.5
    first, last = max(round(side) - 1, 0), min(round(side) + 2, len(mask))
    lengths = [_disc_below(disc[k], mask[k]) for k in range(first, last) if mask[k].sum() >= _LEAST_MM2]
    return bool(lengths) and float(np.median(lengths)) >= _DISC_ACROSS * depth_mm


def _disc_below(disc: NDArray[np.bool_], body: NDArray[np.bool_]) -> float:
    """How long the largest piece of disc below a body is, mm."""
    near = disc & (ndimage.distance_transform_edt(~body) < _DISC_NEAR_MM)
    near[: round(float(np.nonzero(body)[0].mean()) + _DISC_BELOW_MM)] = False
    pieces, count = ndimage.label(near)
    if not count:
        return 0.0
    largest = int(np.argmax(np.bincount(pieces.ravel())[1:])) + 1
    rows, columns = np.nonzero(pieces == largest)
    return float(np.hypot(np.ptp(rows), np.ptp(columns)))
