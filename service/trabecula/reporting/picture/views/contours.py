"""Outlines as smooth as the body: a signed distance to a mask's border, sampled on the pixels of a view.

A line along the border of voxels has stairs. The distance to the border, smoothed a little, has none, and its zero
lies between the voxels; line and fill are read from it with soft edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.volume import FloatArray

_MARGIN = 4
"""Voxels around a mask within which its distance is computed."""
_SMOOTHING = 0.6
"""Standard deviation of the smoothing in voxels: a stair of one voxel goes, a corner of the body stays."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A part of a mask: ``mask`` begins at the index ``start`` of the volume's grid; nothing lies beside it."""

    mask: NDArray[np.bool_]
    start: tuple[int, int, int]

    @property
    def centre(self) -> FloatArray:
        """The mean index of what is inside, on the volume's grid."""
        return np.asarray(np.argwhere(self.mask).mean(axis=0) + np.array(self.start))

    def slice_at(self, index: int) -> Cut | None:
        """Return one slice alone, as the slice 0 of a grid of its own; None where nothing is in it."""
        place = index - self.start[0]
        if not 0 <= place < self.mask.shape[0] or not self.mask[place].any():
            return None
        return Cut(self.mask[place : place + 1], (0, *self.start[1:]))


def cuts_of(labels: NDArray[np.uint8]) -> dict[int, Cut]:
    """Return every label of a label map, cut out of it."""
    boxes = enumerate(ndimage.find_objects(labels), start=1)
    return {
        label: Cut(labels[box] == label, (box[0].start, box[1].start, box[2].start))
        for label, box in boxes
        if box is not None
    }


def sampled_distance(cut: Cut, spacing_mm: tuple[float, ...], index: FloatArray) -> FloatArray:
    """Return the distance to a mask's border in mm (inside positive) at fractional indices ``(3, rows, columns)``.

    Far from the mask it is a negative number that says no more than that.
    """
    single = cut.mask.shape[0] == 1
    margins = (0 if single else _MARGIN, _MARGIN, _MARGIN)
    part = np.pad(cut.mask, [(margin, margin) for margin in margins])
    low = np.array(cut.start) - margins
    inside, outside = (ndimage.distance_transform_edt(side, sampling=spacing_mm) for side in (part, ~part))
    sigma = (0.0 if single else _SMOOTHING, _SMOOTHING, _SMOOTHING)
    signed = ndimage.gaussian_filter(np.asarray(inside - outside, dtype=np.float64), sigma, mode="nearest")
    far = -float(_MARGIN) * max(spacing_mm)
    sampled = np.full(index.shape[1:], far)
    near = np.ones(index.shape[1:], dtype=np.bool_)
    for axis in range(3):
        near &= (index[axis] >= low[axis] - 0.5) & (index[axis] <= low[axis] + part.shape[axis] - 0.5)
    places = index[:, near] - low[:, None]
    sampled[near] = ndimage.map_coordinates(signed, places, order=1, mode="nearest", prefilter=False)
    return sampled


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
