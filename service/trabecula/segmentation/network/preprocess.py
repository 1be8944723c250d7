"""Volume to network input: how intensities become 0-1, where the patient lies, and the planes of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.domain.volume import Volume
from trabecula.segmentation.network.grids import Axes, Grid, Span, is_acquired_sagittal, whole
from trabecula.segmentation.network.stack import Float, cut_plane, resampling


@dataclass(frozen=True, eq=False)
class NetworkStack:
    """Images ``[side, row, column]`` in 0-1, where they hold no measurement, and their grid."""

    images: Float
    padding: NDArray[np.bool_]
    grid: Grid


@dataclass(frozen=True)
class Intensity:
    """How values become 0-1: the two values that map to 0 and 1."""

    low: float
    high: float

    def apply(self, image: Float) -> Float:
        """Map and clip."""
        return np.asarray(np.clip((image - self.low) / max(self.high - self.low, 1e-6), 0, 1), dtype=np.float32)


def intensity_of(volume: Volume, ct_window_hu: tuple[float, float], mr_percentiles: tuple[float, float]) -> Intensity:
    """The fixed CT window, or percentiles over the measured voxels of an MR volume."""
    if volume.modality is Modality.CT:
        return Intensity(*ct_window_hu)
    step = max(1, round((volume.array.size / 2_000_000) ** (1 / 3)))
    values = volume.array[:: step if volume.array.shape[0] > 40 else 1, ::step, ::step]
    seen = values[np.isfinite(values)]
    if volume.padding is not None:
        seen = values[
            ~volume.padding[:: step if volume.array.shape[0] > 40 else 1, ::step, ::step] & np.isfinite(values)
        ]
    fill = values.min() if values.size else 0.0
    measured = seen[seen != fill]
    if measured.size > 0.02 * max(seen.size, 1):
        seen = measured if measured.size < 0.9 * seen.size else seen
    if not seen.size:
        return Intensity(0.0, 1.0)
    low, high = np.percentile(seen, mr_percentiles)
    return Intensity(float(low), float(high))


def body_span(volume: Volume, axes: Axes) -> Span:
    """The part of a CT that holds the patient (not the air around), by coarse sampling; all of any other volume."""
    span = whole(axes)
    if volume.modality is not Modality.CT or is_acquired_sagittal(axes):
        return span
    steps = [max(1, int(8 / step)) for step in axes.steps_mm]
    coarse = np.transpose(volume.array, axes.order)[:: steps[0], :: steps[1], :: steps[2]] > -300
    coarse = ndimage.binary_opening(coarse, iterations=1)
    limits = []
    for k in (0, 2):
        share = coarse.mean(axis=tuple(j for j in range(3) if j != k))
        hit = np.flatnonzero(share > 0.25 * share.max()) if share.max() > 0 else np.arange(len(share))
        low, high = hit[0] * steps[k] * axes.steps_mm[k], (hit[-1] + 1) * steps[k] * axes.steps_mm[k]
        length = (axes.sizes[k] - 1) * axes.steps_mm[k]
        limits.append((low, high) if axes.signs[k] > 0 else (length - high, length - low))
    return Span(limits[0], span.row, limits[1])


def cut_stack(volume: Volume, grid: Grid, intensity: Intensity) -> NetworkStack:
    """Cut and normalise every plane of a grid."""
    rows = resampling(grid.axes.sizes[1], grid.row)
    columns = resampling(grid.axes.sizes[2], grid.column)
    images = np.empty(grid.shape, dtype=np.float32)
    padding = np.zeros(grid.shape, dtype=np.bool_)
    for k in range(grid.shape[0]):
        plane = cut_plane(volume.array, grid, k, rows, columns)
        bad = ~np.isfinite(plane)
        if volume.padding is not None:
            bad |= cut_plane(volume.padding.astype(np.float32), grid, k, rows, columns) > 0.5
        if volume.modality is Modality.MR:
            bad |= _constant_border(plane)
        images[k] = intensity.apply(np.where(bad, intensity.low, plane))
        padding[k] = bad
    return NetworkStack(images, padding, grid)


def _constant_border(plane: Float) -> NDArray[np.bool_]:
    """Pixels joined to a corner that all have exactly the corner's value: filled in by a program, not measured."""
    bad = np.zeros(plane.shape, dtype=np.bool_)
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        same = plane == plane[row, column]
        if same.mean() < 0.02:
            continue
        named, _ = ndimage.label(same)
        region = named == named[row, column]
        if region.mean() >= 0.02:
            bad |= region
    return bad
