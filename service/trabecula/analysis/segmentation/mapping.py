"""Carries bodies and tissues from the stack back to the voxels of the volume they came from.

Probabilities, not labels, are interpolated, so borders stay smooth at any native resolution. Stack and volume share
their axes, so each axis is interpolated by itself, and only boxes around bodies are touched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.segmentation.stack import Grid
from trabecula.domain.volume import FloatArray

Float = NDArray[np.float32]


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


def paint_body(
    labels: NDArray[np.uint8],
    grid: Grid,
    probability: Float,
    basin: NDArray[np.bool_],
    box: tuple[slice, slice, slice],
    label: int,
) -> float:
    """Write one body's label where its interpolated probability passes one half; return its volume in native voxels.

    ``labels`` is the volume's array seen as ``[side, row, column]``; ``basin`` marks, within ``box`` of the stack, what
    is nearer to this body than to another.
    """
    weights = box_weights(grid, box)
    if any(not len(part.native) for part in weights):
        return 0.0
    inner = tuple(Weights(w.native, w.low - b.start, w.share) for w, b in zip(weights, box, strict=True))
    clipped = tuple(
        Weights(w.native, np.clip(w.low, 0, max(b.stop - b.start - 1, 0)), w.share)
        for w, b in zip(inner, box, strict=True)
    )
    trio = (clipped[0], clipped[1], clipped[2])
    inside = (interpolate(probability[box], trio) > 0.5) & (interpolate(basin.astype(np.float32), trio) > 0.5)
    inside = _solid(inside)
    where = np.ix_(*(part.native for part in trio))
    region = labels[where]
    region[inside] = label
    labels[where] = region
    return float(inside.sum())


def _solid(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece, with the holes of every sagittal slice filled."""
    named, count = ndimage.label(mask)
    if count > 1:
        sizes = np.bincount(named.ravel())
        sizes[0] = 0
        mask = named == int(np.argmax(sizes))
    return np.stack([ndimage.binary_fill_holes(plane) if plane.any() else plane for plane in mask])


def paint_tissues(tissues: NDArray[np.uint8], grid: Grid, classes: NDArray[np.uint8]) -> None:
    """Write the class of the nearest stack sample into the volume (``tissues`` seen as ``[side, row, column]``)."""
    weights = box_weights(grid, (slice(0, classes.shape[0]), slice(0, classes.shape[1]), slice(0, classes.shape[2])))
    nearest = [part.low + (part.share > 0.5) for part in weights]
    picked = classes[np.ix_(*(np.minimum(n, size - 1) for n, size in zip(nearest, classes.shape, strict=True)))]
    tissues[np.ix_(*(part.native for part in weights))] = picked
