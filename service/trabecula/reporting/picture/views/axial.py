"""The axial view of the picture: one CT slice through the middle of the level that speaks, with its measured region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.spine import Level
from trabecula.domain.volume import FloatArray
from trabecula.reporting.picture.palette import level_colour
from trabecula.reporting.picture.typefaces import font
from trabecula.reporting.picture.views.contours import (
    Cut,
    cuts_of,
    fill_opacity,
    line_opacity,
    painted,
    sampled_distance,
    softened,
)
from trabecula.reporting.picture.views.grey import windowed
from trabecula.reporting.picture.views.marks import draw_marks, lettered

_SIZE_MM = 88.0
_BEHIND_MM = 14.0
"""The view's centre lies behind the body's, so that canal and arch are seen too."""
_LINE = 2.6
_REGION_LINE = 1.6
_VEIL = 0.30


@dataclass(frozen=True)
class AxialView:
    """An axial picture through one body: grey values ``[row, column]``, front up, the patient's right to the left, and
    distances (pixels, inside positive) to the borders of the body and of its measured region."""

    level: Level
    grey: NDArray[np.uint8]
    mm: float
    body: FloatArray
    region: FloatArray


def axial_view(volume: AnalysedVolume, level: Level, region: Cut, size: int) -> AxialView | None:
    """Return the view of ``size`` x ``size`` pixels at the height at which most of the measured region lies; None
    where the body is not in the volume."""
    geometry, body = volume.volume.geometry, cuts_of(volume.labels).get(level.label)
    if body is None:
        return None
    centre = geometry.to_lps(body.centre)
    height = float(geometry.to_lps(region.centre)[2])
    if geometry.directions[2, 0] ** 2 > 0.99:  # axial slices: the one that was acquired, not one between two
        middle = geometry.to_index(np.array([centre[0], centre[1], height]))
        height = float(geometry.to_lps(np.array([round(float(middle[0])), middle[1], middle[2]]))[2])
    mm = _SIZE_MM / size
    steps = (np.arange(size) - (size - 1) / 2) * mm
    points = np.empty((size, size, 3))
    points[..., 0], points[..., 1] = centre[0] + steps[None, :], centre[1] + _BEHIND_MM + steps[:, None]
    points[..., 2] = height
    index = np.moveaxis(geometry.to_index(points), -1, 0)
    sampled = ndimage.map_coordinates(volume.volume.array, index, order=1, cval=np.nan, prefilter=False)
    coarse = float(np.median(geometry.spacing_mm)) / mm

    def seen(cut: Cut) -> FloatArray:
        return softened(sampled_distance(cut, geometry.spacing_mm, index) / mm, coarse)

    return AxialView(level, windowed(sampled, volume.volume.modality), mm, seen(body), seen(region))


def drawn_axial(view: AxialView) -> Image.Image:
    """Return the view with outline, measured region and name."""
    colour = level_colour(view.level.label)
    pixels = np.repeat(view.grey[..., None], 3, axis=2).astype(np.float64)
    pixels = painted(pixels, fill_opacity(view.region, _VEIL), colour)
    pixels = painted(pixels, 0.8 * line_opacity(view.region, _REGION_LINE), colour)
    pixels = painted(pixels, line_opacity(view.body, _LINE), colour)
    image = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    draw_marks(image, ("R", "L", "A", "P"), view.mm, 20.0)
    lettered(
        ImageDraw.Draw(image),
        (14, 26),
        str(view.level),
        font(max(24, view.grey.shape[1] // 9), bold=True),
        colour,
        "lm",
    )
    return image
