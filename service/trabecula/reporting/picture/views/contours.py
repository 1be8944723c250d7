"""Outlines as smooth as the body: a signed distance to a mask's border, sampled on the pixels of a view.

A line along the border of voxels has stairs. The distance to the border, smoothed a little, has none, and its zero
lies between the voxels; line and fill are read from it with soft edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.volume import FloatArray

_MARGIN = 4
"""Voxels around a mask within which its distance is computed."""
_SMOOTHING = 0.6
"""Standard deviation of the smoothing in voxels: a stair of one voxel goes, a corner of the body stays."""


def sampled_distance(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...], index: FloatArray) -> FloatArray:
    """Return the distance to a mask's border in mm (inside positive) at fractional indices ``(3, rows, columns)``.

    Far from the mask it is a negative number that says no more than that.
    """
    where = np.argwhere(mask)
    low = np.maximum(where.min(axis=0) - _MARGIN, 0)
    high = np.minimum(where.max(axis=0) + _MARGIN + 1, mask.shape)
    part = mask[tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))]
    inside, outside = (ndimage.distance_transform_edt(side, sampling=spacing_mm) for side in (part, ~part))
    sigma = [_SMOOTHING if size > 1 else 0.0 for size in part.shape]
    signed = ndimage.gaussian_filter(np.asarray(inside - outside, dtype=np.float64), sigma, mode="nearest")
    far = -float(_MARGIN) * max(spacing_mm)
    sampled = ndimage.map_coordinates(signed, index - low[:, None, None], order=1, cval=far, prefilter=False)
    if part.shape[0] == 1:  # a single slice: whatever lies beside it is not of the mask
        sampled = np.where(np.abs(index[0] - low[0]) <= 0.5, sampled, far)
    return np.asarray(sampled, dtype=np.float64)


def softened(distance: FloatArray, pixels: float) -> FloatArray:
    """Return a distance without what is left of the voxels: ``pixels`` is the coarsest voxel's size in the view."""
    return np.asarray(ndimage.gaussian_filter(distance, 0.3 * pixels, mode="nearest"), dtype=np.float64)


def line_opacity(distance_px: FloatArray, width: float) -> FloatArray:
    """Return the opacity (0 to 1) of a line of ``width`` pixels along the border."""
    return np.asarray(np.clip(width / 2 + 0.5 - np.abs(distance_px), 0.0, 1.0))


def fill_opacity(distance_px: FloatArray, share: float) -> FloatArray:
    """Return the opacity of a veil over the inside, ``share`` at its strongest."""
    return np.asarray(np.clip(distance_px + 0.5, 0.0, 1.0) * share)


def painted(pixels: FloatArray, opacity: FloatArray, colour: tuple[int, int, int]) -> FloatArray:
    """Return ``pixels[row, column, RGB]`` with a colour laid over them."""
    alpha = opacity[..., None]
    return np.asarray(pixels * (1 - alpha) + np.array(colour, dtype=np.float64) * alpha)
