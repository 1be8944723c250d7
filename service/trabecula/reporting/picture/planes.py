"""One picture of a segmentation: sagittal, coronal and axial planes, outlines and names on them.

The sagittal and the coronal plane follow the spine: each row lies at the centre of the bodies at its height.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.domain.segmentation import Segmentation, SegmentationVerdict, SegmentedBody
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level, level_of_label
from trabecula.domain.volume import FloatArray, Volume

Colour = tuple[int, int, int]

_HEIGHT = 720
_GAP = 8
_HEAD = 80
_MARGIN_MM = 45.0
_AXIAL_HALF_MM = 75.0
_CT_WINDOW = (-160.0, 640.0)
_COLOURS: tuple[Colour, ...] = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167))
_INK: Colour = (235, 235, 235)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Plane:
    """A plane to draw: LPS of its top left corner, unit vectors to the right and down, sizes in mm, border letters.

    ``follows`` is the LPS axis (0 = x, 1 = y) in which the plane follows the spine.
    """

    origin: FloatArray
    right: FloatArray
    down: FloatArray
    size_mm: tuple[float, float]
    letters: tuple[str, str, str, str]
    follows: int | None = None


def write_three_planes(path: Path, volume: Volume, segmentation: Segmentation, verdict: SegmentationVerdict) -> None:
    """Write the picture as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_three_planes(volume, segmentation, verdict).save(path, format="PNG")


def draw_three_planes(volume: Volume, segmentation: Segmentation, verdict: SegmentationVerdict) -> Image.Image:
    """Return the picture; ``verdict`` gives the codes above it and the marks beside names. A single slice gives one
    panel. Names of unknown levels are their numbers from the top."""
    low, high = _bounds(volume)
    planes = _planes(volume, segmentation, low, high)
    window = _window(volume)
    step = max(plane.size_mm[1] for plane in planes) / _HEIGHT
    panels = [_panel(volume, segmentation, plane, step, window, verdict) for plane in planes]
    width = sum(panel.width for panel in panels) + _GAP * (len(panels) + 1)
    lines = _head(segmentation, verdict)
    width = max(width, *(int(font.getlength(text)) + 2 * _GAP for text, font in lines))
    canvas = Image.new("RGB", (width, _HEIGHT + _HEAD + _GAP), (16, 16, 16))
    left = _GAP
    for panel in panels:
        canvas.paste(panel, (left, _HEAD))
        left += panel.width + _GAP
    for row, (text, font) in enumerate(lines):
        ImageDraw.Draw(canvas).text((_GAP, 8 + 24 * row), text, font=font, fill=_INK)
    return canvas


def body_name(body: SegmentedBody) -> str:
    """Return ``L3``, or ``#2`` for the second body from the top where levels are unknown."""
    return str(body.level) if body.level else f"#{body.label - FIRST_UNKNOWN_LABEL + 1}"


def _bounds(volume: Volume) -> tuple[FloatArray, FloatArray]:
    sizes = np.array(volume.geometry.shape, dtype=np.float64)
    corners = np.array(np.meshgrid(*[(-0.5, size - 0.5) for size in sizes])).reshape(3, -1).T
    points = volume.geometry.to_lps(corners)
    return points.min(0), points.max(0)


def _planes(volume: Volume, segmentation: Segmentation, low: FloatArray, high: FloatArray) -> list[_Plane]:
    bodies = segmentation.bodies
    centre = (low + high) / 2
    if bodies:
        points = np.array([body.centroid_mm for body in bodies])
        centre = np.median(points, axis=0)
        middle = segmentation.body(Level.L3) or bodies[len(bodies) // 2]
        centre[2] = middle.centroid_mm[2]
        low = np.maximum(low, points.min(0) - _MARGIN_MM - np.array([20.0, 30.0, 0.0]))
        high = np.minimum(high, points.max(0) + _MARGIN_MM + np.array([20.0, 30.0, 0.0]))
    x, y, z = np.eye(3)
    tall = float(high[2] - low[2])
    corner = np.array([centre[0], low[1], high[2]])
    sagittal = _Plane(
        origin=corner,
        right=y,
        down=-z,
        size_mm=(float(high[1] - low[1]), tall),
        letters=("A", "P", "H", "F"),
        follows=0,
    )
    if min(volume.geometry.shape) == 1:
        return [sagittal]
    corner = np.array([low[0], centre[1], high[2]])
    coronal = _Plane(
        origin=corner,
        right=x,
        down=-z,
        size_mm=(float(high[0] - low[0]), tall),
        letters=("R", "L", "H", "F"),
        follows=1,
    )
    half = min(_AXIAL_HALF_MM, float(max(high[0] - low[0], high[1] - low[1])) / 2)
    corner = np.array([centre[0] - half, centre[1] - half, centre[2]])
    axial = _Plane(origin=corner, right=x, down=y, size_mm=(2 * half, 2 * half), letters=("R", "L", "A", "P"))
    return [sagittal, coronal, axial]


def _window(volume: Volume) -> tuple[float, float]:
    if volume.modality is Modality.CT:
        return _CT_WINDOW
    step = max(1, volume.array.size // 500_000)
    low, high = np.percentile(volume.array.ravel()[::step], (1.0, 99.5))
    return float(low), float(max(high, low + 1e-6))


def _panel(
    volume: Volume,
    segmentation: Segmentation,
    plane: _Plane,
    step: float,
    window: tuple[float, float],
    verdict: SegmentationVerdict,
) -> Image.Image:
    width, height = (max(2, round(size / step)) for size in plane.size_mm)
    columns, rows = np.meshgrid(np.arange(width) * step, np.arange(height) * step)
    points = plane.origin + columns[..., None] * plane.right + rows[..., None] * plane.down
    if plane.follows is not None and segmentation.bodies and min(volume.geometry.shape) > 1:
        points[..., plane.follows] = _course(segmentation, plane.follows, points[..., 2])
    indices = np.moveaxis(volume.geometry.to_index(points), -1, 0)
    values = ndimage.map_coordinates(volume.array, indices, order=1, mode="nearest", prefilter=False)
    inside = _inside(indices, volume.geometry.shape)
    labels = ndimage.map_coordinates(segmentation.labels, indices, order=0, mode="nearest", prefilter=False)
    labels = np.where(inside, labels, 0)
    grey = np.clip((values - window[0]) / (window[1] - window[0]), 0, 1) * 255 * inside
    picture = _coloured(grey, labels)
    image = Image.fromarray(picture, "RGB")
    _write_names(image, segmentation, labels, verdict)
    _write_letters(image, plane.letters, f"{plane.size_mm[0]:.0f} x {plane.size_mm[1]:.0f} mm")
    return image


def _course(segmentation: Segmentation, axis: int, heights: FloatArray) -> FloatArray:
    """Where the spine runs: x or y of the bodies' centres, interpolated over z."""
    centres = np.array(sorted((body.centroid_mm for body in segmentation.bodies), key=lambda centre: centre[2]))
    return np.asarray(np.interp(heights, centres[:, 2], centres[:, axis]), dtype=np.float64)


def _inside(indices: FloatArray, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    sizes = np.array(shape).reshape(3, 1, 1)
    return np.asarray(((indices > -0.51) & (indices < sizes - 0.49)).all(axis=0))


def _coloured(grey: FloatArray, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = np.repeat(grey[..., None], 3, axis=2)
    for label in (int(value) for value in np.unique(labels) if value):
        mask = labels == label
        colour = np.array(level_colour(label), dtype=np.float64)
        picture[mask] = 0.82 * picture[mask] + 0.18 * colour
        picture[mask & ~ndimage.binary_erosion(mask, iterations=2)] = colour
    return picture.astype(np.uint8)


def level_colour(label: int) -> Colour:
    """Return the colour of a body; neighbours differ (Okabe and Ito 2008)."""
    return _COLOURS[(label - (Level.L1.label if level_of_label(label) else 0)) % len(_COLOURS)]


def _write_names(
    image: Image.Image, segmentation: Segmentation, labels: NDArray[np.uint8], verdict: SegmentationVerdict
) -> None:
    draw, font = ImageDraw.Draw(image), _font(17)
    for body in segmentation.bodies:
        places = np.argwhere(labels == body.label)
        if len(places) < 30:
            continue
        row, column = places.mean(axis=0)
        mark = "!" if verdict.is_blocked(body.label) else ""
        text = f"{body_name(body)}{mark}"
        draw.text((column, row), text, font=font, fill=_INK, anchor="mm", stroke_width=2, stroke_fill=(0, 0, 0))


def _write_letters(image: Image.Image, letters: tuple[str, str, str, str], size: str) -> None:
    draw, font = ImageDraw.Draw(image), _font(15)
    width, height = image.size
    left, right, top, bottom = letters
    places = (
        (left, (4, height // 2), "lm"),
        (right, (width - 4, height // 2), "rm"),
        (top, (width // 2, 3), "mt"),
        (bottom, (width // 2, height - 4), "mb"),
        (size, (4, height - 4), "lb"),
    )
    for text, place, anchor in places:
        draw.text(place, text, font=font, fill=_INK, anchor=anchor, stroke_width=2, stroke_fill=(0, 0, 0))


def _head(segmentation: Segmentation, verdict: SegmentationVerdict) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """The lines above the panels: who and how, the bodies, the reasons."""
    maker = segmentation.segmenter
    first = f"{maker.name} {maker.version}".strip()
    first += f"   estimated overlap {segmentation.quality:.2f}   {segmentation.numbering}"
    bodies = "   ".join(f"{body_name(body)} {body.quality:.2f}" for body in segmentation.bodies)
    return [
        (first, _font(17)),
        (bodies or "no vertebral body", _font(15)),
        (_reasons(segmentation, verdict), _font(15)),
    ]


def _reasons(segmentation: Segmentation, verdict: SegmentationVerdict) -> str:
    """The codes of the study, then each code of bodies with the bodies it stands for."""
    said: dict[str, list[str]] = {reason.code.name: [] for reason in verdict.reasons}
    for body in segmentation.bodies:
        for reason in verdict.by_label[body.label]:
            said.setdefault(reason.code.name, []).append(body_name(body))
    return "   ".join(f"{code}: {' '.join(names)}" if names else code for code, names in said.items())


def _font(size: int) -> ImageFont.FreeTypeFont:
    with as_file(files("trabecula.data").joinpath("fonts/DejaVuSansCondensed-Bold.ttf")) as path:
        return ImageFont.truetype(str(path), size)
