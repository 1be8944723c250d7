"""Tells S1 from L5 by shape: how deep a body is from front to back at its lower end, beside those above it.

A lumbar body is about as deep below as above. S1 is a wedge: its lower end is far shallower, which is what readers go
by where a disc below S1 makes it look lumbar (squared or not: Wigh 1980, O'Driscoll 1996).

A squared S1 with a disc across its depth (O'Driscoll's type 4) is a transitional vertebra in most who have it. It
raises no finding here: 29 real ones have 0.37-0.86 of the depth above, but the ordinary phantom's S1 has 0.97-1.04 and
a disc, as lumbarised ones do (1.01-1.07), so that no limit can be told from what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.segmentation.network.inference import Maps

_LEAST_MM2 = 150.0
_CORE_COSINE, _LEAST_CORE = 0.0, 60
_INNER = (0.2, 0.8)
"""The part of a body, from front to back, in which its upper and lower end are looked for: beside lips and corners."""
_LOWER, _REACH = (0.70, 0.92), (3.0, 97.0)
"""Where the depth of the lower end is taken, as shares of a body's height from its upper end; and the percentiles of
pixels between which it lies: a stray pixel is no depth."""


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
