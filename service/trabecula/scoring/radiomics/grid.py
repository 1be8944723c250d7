"""Resampling of one body to the grid of a feature set: exactly the voxels that a resampled whole volume would have.

The grid is pyradiomics': its first voxel shares a corner with the first voxel of the volume. Only the box of the body
is computed, from a somewhat larger box of acquired voxels, because a B-spline feels its border a few voxels deep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from trabecula.imaging.boxes import Window, widened

SPLINE_VOXELS = 16
"""A cubic B-spline forgets its border by a factor of 0.27 per voxel: 1e-9 after sixteen."""

Triple = tuple[float, float, float]
Floats = NDArray[np.float64]
Places = NDArray[np.int_]
Scale = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True, eq=False)
class Acquired:
    """A series along the patient's axes (z, y, x): values, labels, spacing in mm, and its intensity scale."""

    values: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing_mm: Triple
    scale: Scale


@dataclass(frozen=True, eq=False)
class GridCut:
    """Image (float64) and mask (uint8) of one body with its margin, as SimpleITK images of axes (x, y, z)."""

    image: sitk.Image
    mask: sitk.Image


def cut_to_grid(series: Acquired, label: int, box: Window, spacing_mm: Triple, margin_mm: int) -> GridCut:
    """Return the body of ``label``, which lies in ``box``, and ``margin_mm`` around it.

    ``spacing_mm`` is the wanted grid along (z, y, x); 0 keeps the acquired spacing.
    """
    old = np.array(series.spacing_mm)
    wanted = np.where(np.array(spacing_mm) == 0, old, np.array(spacing_mm))
    first, last = _ends(box, old, wanted, margin_mm, series.labels.shape)
    if np.allclose(old, wanted):
        return _cut(series, label, _window(first, last + 1), old)
    source = _source(box, first, last, wanted / old, series.labels.shape)
    near = _cut(series, label, source, old)
    origin = 0.5 * (wanted - old) + first * wanted
    size = last - first + 1
    return GridCut(
        _resampled(near.image, origin, wanted, size, sitk.sitkBSpline),
        _resampled(near.mask, origin, wanted, size, sitk.sitkNearestNeighbor),
    )


def _ends(box: Window, old: Floats, wanted: Floats, margin_mm: int, shape: tuple[int, ...]) -> tuple[Places, Places]:
    """First and last voxel of the wanted grid, by pyradiomics' rule."""
    ratio = old / wanted
    starts, stops = (np.array([getattr(part, end) for part in box]) for end in ("start", "stop"))
    first = np.floor((starts - 0.5) * ratio - margin_mm / wanted)
    last = np.ceil((stops - 0.5) * ratio + margin_mm / wanted)
    last_of_all = np.ceil(np.array(shape) * ratio) - 1
    return np.maximum(first, 0).astype(np.int_), np.minimum(last, last_of_all).astype(np.int_)


def _source(box: Window, first: Places, last: Places, step: Floats, shape: tuple[int, ...]) -> Window:
    """The acquired voxels that those of the wanted grid are made of."""
    reach = [
        int(np.ceil(max(part.start - first[axis] * step[axis], (last[axis] + 1) * step[axis] - part.stop)))
        + SPLINE_VOXELS
        for axis, part in enumerate(box)
    ]
    return widened(box, (reach[0], reach[1], reach[2]), (shape[0], shape[1], shape[2]))


def _window(first: Places, stop: Places) -> Window:
    parts = [slice(int(low), int(high)) for low, high in zip(first, stop, strict=True)]
    return parts[0], parts[1], parts[2]


def _cut(series: Acquired, label: int, window: Window, spacing: Floats) -> GridCut:
    origin = np.array([part.start for part in window]) * spacing
    image = sitk.GetImageFromArray(series.scale(np.ascontiguousarray(series.values[window])))
    mask = sitk.GetImageFromArray(np.ascontiguousarray(series.labels[window] == label).astype(np.uint8))
    for picture in (image, mask):
        picture.SetSpacing(spacing[::-1].tolist())
        picture.SetOrigin(origin[::-1].tolist())
    return GridCut(image, mask)


def _resampled(picture: sitk.Image, origin: Floats, spacing: Floats, size: Places, interpolator: int) -> sitk.Image:
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([int(number) for number in size[::-1]])
    resampler.SetOutputSpacing(spacing[::-1].tolist())
    resampler.SetOutputOrigin(origin[::-1].tolist())
    resampler.SetInterpolator(interpolator)
    resampler.SetNumberOfThreads(1)
    resampled: sitk.Image = resampler.Execute(picture)
    return resampled
