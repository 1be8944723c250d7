"""Pictures of single vertebral bodies for models of images: cut out by one function for training and service.

The body's own mid-sagittal slice, the box of its outline and a margin, percentiles to 0-1, sharpening where the
definition says so (Ho, Lu, Kuo 2026, Diagnostics 16(3):423). Rows run from head to foot, columns from front to back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula.domain.volume import Volume
from trabecula.scoring.crops.definition import CropDefinition
from trabecula.scoring.radiomics.axes import turning
from trabecula.scoring.radiomics.series_features import trusted_levels

Picture = NDArray[np.float32]
_SMALLEST_SIDE = 4
"""Pixels of a side of the outline below which there is no picture of a body."""


@dataclass(frozen=True, eq=False)
class Crop:
    """One body on its mid-sagittal slice: ``image`` float32 ``[row, column]`` in 0-1 at the acquired sampling,
    ``pixel_mm`` the distance of rows and of columns."""

    image: Picture
    pixel_mm: tuple[float, float]

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and depth of the picture, margin included."""
        rows, columns = self.image.shape
        return rows * self.pixel_mm[0], columns * self.pixel_mm[1]


def study_crops(context: ScoringContext, role: SeriesRole, definition: CropDefinition) -> dict[Level, Crop]:
    """Return the crops of the trusted levels of L1-L4 in the series of ``role``; empty without that series."""
    if role not in context.series:
        return {}
    measured = context.series[role]
    return cut_crops(measured.volume, measured.segmentation.labels, trusted_levels(context), definition)


def cut_crops(
    volume: Volume, labels: NDArray[np.uint8], levels: Sequence[Level], definition: CropDefinition
) -> dict[Level, Crop]:
    """Return the crop of each level that has an outline; ``labels`` lie on the grid of ``volume``."""
    turned = turning(volume.geometry)
    image, bodies = turned.array(volume.array), turned.array(labels)
    pixel_mm = (turned.spacing_mm[0], turned.spacing_mm[1])
    found: Mapping[Level, Picture | None] = {level: _cut(image, bodies == level.label, definition) for level in levels}
    return {level: Crop(picture, pixel_mm) for level, picture in found.items() if picture is not None}


def _cut(image: NDArray[np.float32], body: NDArray[np.bool_], definition: CropDefinition) -> Picture | None:
    """Return the picture of one body from arrays ``[z, y, x]`` (to head, back and left), or None where it is tiny."""
    places = np.flatnonzero(body.any(axis=(0, 1)))
    if places.size == 0:
        return None
    areas = body.sum(axis=(0, 1), dtype=np.int64)[places]
    middle = int(places[np.argmin(np.abs(places - np.average(places, weights=areas)))])
    rows, columns = (np.flatnonzero(body[:, :, middle].any(axis=axis)) for axis in (1, 0))
    if min(np.ptp(rows), np.ptp(columns)) + 1 < _SMALLEST_SIDE:
        return None
    window = tuple(
        _widened(side, definition.margin_fraction, size)
        for side, size in zip((rows, columns), image.shape[:2], strict=True)
    )
    picture = image[:, :, middle][window][::-1].astype(np.float64)
    low, high = np.percentile(picture, definition.percentiles)
    scaled = np.clip((picture - low) / max(float(high - low), 1e-12), 0.0, 1.0)
    return np.ascontiguousarray(_sharpened(scaled, definition.laplacian), dtype=np.float32)


def _widened(side: NDArray[np.int64], margin_fraction: float, size: int) -> slice:
    """The range of indices with the margin on both sides, rounded to whole pixels, inside the image."""
    more = round(margin_fraction * (int(np.ptp(side)) + 1))
    return slice(max(0, int(side[0]) - more), min(size, int(side[-1]) + 1 + more))


def _sharpened(picture: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
    if amount == 0.0:
        return picture
    return np.clip(picture - amount * ndimage.laplace(picture, mode="nearest"), 0.0, 1.0)


def resized(crop: Crop, size: int) -> Picture:
    """Return the crop as a square of ``size`` pixels, float32 in 0-1: black beside the shorter side, mm kept square.

    Linear interpolation; a finer picture is smoothed before it is made coarser.
    """
    side_mm = max(crop.size_mm)
    image = crop.image.astype(np.float64)
    steps = [side_mm / size / spacing for spacing in crop.pixel_mm]
    image = ndimage.gaussian_filter(image, [max(0.0, (step - 1) / 2) for step in steps], mode="nearest")
    places, inside = [], []
    for length, step in zip(image.shape, steps, strict=True):
        place = (np.arange(size) + 0.5 - size / 2) * step + (length - 1) / 2
        places.append(place)
        inside.append((place >= -0.5) & (place <= length - 0.5))
    values = ndimage.map_coordinates(image, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    return np.where(np.logical_and.outer(*inside), values, 0.0).astype(np.float32)
