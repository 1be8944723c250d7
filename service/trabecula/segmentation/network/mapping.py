"""Carries bodies and tissues from the stack back to the voxels of the volume they came from.

Probabilities, not labels, are interpolated, so borders stay smooth at any native resolution. Stack and volume share
their axes, so each axis is interpolated by itself, and only boxes around bodies are touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.volume import FloatArray
from trabecula.segmentation.network.grids import Grid
from trabecula.segmentation.network.refiner import FineMaps

Float = NDArray[np.float32]

_SHRED_MM2, _SHRED_SHARE = 60.0, 0.25
"""An outermost slice below both is a shred. On 195 bodies of 29 real MR volumes 18 slices go and Dice stays (0.9170 and
0.9171; the worst body loses 0.002)."""


@dataclass(frozen=True, eq=False)
class Weights:
    """For one axis: the native indices it covers and, for each, the stack sample below it and the share of the next."""

    native: NDArray[np.intp]
    low: NDArray[np.intp]
    share: Float


def axis_weights(place: FloatArray, size: int, start: int, stop: int, beyond: float) -> Weights:
    """Weights of native indices that fall on stack samples ``start`` to ``stop`` (``place``: native index of each).

    ``beyond`` is how far (in native samples) an outermost stack sample reaches.
    """
    forward = place if len(place) < 2 or place[1] > place[0] else place[::-1]
    numbers = np.arange(len(place), dtype=np.float64)
    numbers = numbers if forward is place else numbers[::-1]
    native = np.arange(size)
    inside = native[(native >= forward[0] - beyond) & (native <= forward[-1] + beyond)]
    at = np.interp(inside, forward, numbers)
    kept = (at >= start - 0.5) & (at <= stop - 0.5)
    inside, at = inside[kept], at[kept]
    low = np.clip(np.floor(at).astype(np.intp), 0, max(len(place) - 2, 0))
    share = np.clip(at - low, 0, 1).astype(np.float32)
    return Weights(inside, low, share if len(place) > 1 else np.zeros_like(share))


def _along(values: Float, weights: Weights, axis: int) -> Float:
    high = np.minimum(weights.low + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = -1
    share = weights.share.reshape(shape)
    low, up = np.take(values, weights.low, axis), np.take(values, high, axis)
    return np.asarray(low + (up - low) * share, dtype=np.float32)


def interpolate(values: Float, weights: tuple[Weights, Weights, Weights]) -> Float:
    """Values of the stack at the native voxels of a box: ``[side, row, column]``."""
    for axis in range(3):
        values = _along(values, weights[axis], axis)
    return values


def box_weights(grid: Grid, box: tuple[slice, slice, slice]) -> tuple[Weights, Weights, Weights]:
    """Weights of the native box that a box of the stack covers."""
    axes = grid.axes
    steps = (grid.side_step_mm, 1.0, 1.0)
    parts = []
    for k, place in enumerate((grid.side, grid.row, grid.column)):
        beyond = 0.5 * steps[k] / axes.steps_mm[k] + 1e-6 if len(place) > 1 else 0.5
        parts.append(axis_weights(place, axes.sizes[k], box[k].start, box[k].stop, beyond))
    return parts[0], parts[1], parts[2]


@dataclass(frozen=True, eq=False, kw_only=True)
class MappedOutline:
    """What one body's outline is drawn from, within ``box`` of the stack: ``basin`` marks what is nearer to this body
    than to another, ``probability`` ``[side, row, column]`` says how much it is body; where ``fine`` counts, its finer
    answer is mixed in: ``fine_share`` of it, ``rim_share`` of its rim."""

    box: tuple[slice, slice, slice]
    basin: NDArray[np.bool_]
    probability: Float
    fine: FineMaps | None = None
    fine_share: float = 0.0
    rim_share: float = 0.0


def paint_body(labels: NDArray[np.uint8], grid: Grid, outline: MappedOutline, label: int) -> float:
    """Write one body's label where its interpolated probability passes one half; return its volume in native voxels.

    ``labels`` is the volume's array seen as ``[side, row, column]``.
    """
    box = outline.box
    weights = box_weights(grid, box)
    if any(not len(part.native) for part in weights):
        return 0.0
    inner = (_within(weights[0], box[0]), _within(weights[1], box[1]), _within(weights[2], box[2]))
    bodyness = interpolate(outline.probability, inner)
    if outline.fine is not None:
        bodyness = _refined(bodyness, outline, weights)
    inside = (bodyness > 0.5) & (interpolate(outline.basin.astype(np.float32), inner) > 0.5)
    inside = without_shreds(_solid(inside), axes_pixel_mm2(grid))
    where = np.ix_(*(part.native for part in weights))
    region = labels[where]
    region[inside] = label
    labels[where] = region
    return float(inside.sum())


def _within(weights: Weights, part: slice) -> Weights:
    """Weights on a part of the stack's samples."""
    low = np.clip(weights.low - part.start, 0, max(part.stop - part.start - 1, 0))
    return Weights(weights.native, low, weights.share)


def _refined(bodyness: Float, outline: MappedOutline, weights: tuple[Weights, Weights, Weights]) -> Float:
    """Bodyness at native voxels with that of the close-ups mixed in."""
    fine = outline.fine
    assert fine is not None
    side, row, column = (part.low.astype(np.float64) + part.share for part in weights)
    places = fine.fine_places(side, row, column)
    sampled = [_at(place, size) for place, size in zip(places, fine.marrow.shape, strict=True)]
    finer = interpolate(fine.bodyness(outline.rim_share), (sampled[0], sampled[1], sampled[2]))
    share = np.float32(outline.fine_share) * fine.weight(places)
    return np.asarray(bodyness + share * (finer - bodyness), dtype=np.float32)


def _at(place: FloatArray, size: int) -> Weights:
    """Weights of fractional places among ``size`` samples."""
    kept = np.clip(place, 0, size - 1)
    low = np.clip(np.floor(kept).astype(np.intp), 0, max(size - 2, 0))
    return Weights(np.arange(len(place)), low, np.clip(kept - low, 0, 1).astype(np.float32))


def _solid(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece, with the holes of every sagittal slice filled."""
    named, count = ndimage.label(mask)
    if count > 1:
        sizes = np.bincount(named.ravel())
        sizes[0] = 0
        mask = named == int(np.argmax(sizes))
    return np.stack([ndimage.binary_fill_holes(plane) if plane.any() else plane for plane in mask])


def without_shreds(mask: NDArray[np.bool_], pixel_mm2: float) -> NDArray[np.bool_]:
    """The body ``[side, row, column]`` without outermost slices that show only a few pixels of it.

    A slice under 60 mm2 and under a quarter of the next one is a shred, which a reader takes for a fault.
    """
    result = mask.copy()
    areas = mask.sum(axis=(1, 2)) * pixel_mm2
    shown = np.flatnonzero(areas)
    for inward in (shown, shown[::-1]):
        for outer, inner in pairwise(inward):
            if areas[outer] >= min(_SHRED_MM2, _SHRED_SHARE * areas[inner]):
                break
            result[outer] = False
    return result


def axes_pixel_mm2(grid: Grid) -> float:
    """Area of a native pixel of a sagittal plane."""
    return grid.axes.steps_mm[1] * grid.axes.steps_mm[2]


def paint_tissues(tissues: NDArray[np.uint8], grid: Grid, classes: NDArray[np.uint8]) -> None:
    """Write the class of the nearest stack sample into the volume (``tissues`` seen as ``[side, row, column]``)."""
    weights = box_weights(grid, (slice(0, classes.shape[0]), slice(0, classes.shape[1]), slice(0, classes.shape[2])))
    nearest = [part.low + (part.share > 0.5) for part in weights]
    picked = classes[np.ix_(*(np.minimum(n, size - 1) for n, size in zip(nearest, classes.shape, strict=True)))]
    tissues[np.ix_(*(part.native for part in weights))] = picked
