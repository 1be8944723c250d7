"""The sagittal view: a measured volume cut along the bodies, with outlines, measured regions and names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.spine import level_of_label
from trabecula.domain.volume import FloatArray, Geometry, Plane
from trabecula.reporting.picture.palette import WARNING, WHITE, Colour, level_colour
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

_MARGIN_MM = (20.0, 52.0, 30.0)
"""Room around the bodies: along the spine, in front (for the names) and behind."""
_LINE = 3.0
_REGION_LINE = 1.6
_VEIL = 0.30
_GREY: Colour = (150, 154, 160)


@dataclass(frozen=True)
class SagittalView:
    """A sagittal picture of the spine: grey values, and for each label its distance field on the same pixels.

    ``grey`` is ``[row, column]``, head up, front to the left, square pixels of ``mm`` millimetres. ``bodies`` and
    ``regions`` are distances to the border in pixels, inside positive; a region is what was measured of a body.
    """

    grey: NDArray[np.uint8]
    bodies: dict[int, FloatArray]
    mm: float
    caption: str
    regions: dict[int, FloatArray] = field(default_factory=dict)

    @property
    def masks(self) -> dict[int, NDArray[np.bool_]]:
        """The bodies as masks."""
        return {label: distance > 0 for label, distance in self.bodies.items()}


def sagittal_view(
    volume: AnalysedVolume, width: int, height: int, regions: Mapping[int, Cut] | None = None
) -> SagittalView:
    """Return the view that fills ``width`` x ``height`` pixels: the middle slice of a sagittal series, and a curved cut
    through the middle of the bodies of any other. ``regions`` are measured regions by label."""
    geometry, labels = volume.volume.geometry, volume.labels
    cuts = cuts_of(labels)
    centres = {label: geometry.to_lps(cut.centre) for label, cut in cuts.items()}
    front_back, foot_head = _extent(labels.shape, cuts.values(), geometry)
    mm = max((front_back[1] - front_back[0]) / width, (foot_head[1] - foot_head[0]) / height)
    y = np.mean(front_back) + (np.arange(width) - (width - 1) / 2) * mm
    z = np.mean(foot_head) - (np.arange(height) - (height - 1) / 2) * mm
    points = np.empty((height, width, 3))
    points[..., 0], points[..., 1], points[..., 2] = _lateral(centres, geometry, z)[:, None], y[None, :], z[:, None]
    index = np.moveaxis(geometry.to_index(points), -1, 0)
    caption = "Curved sagittal reformat"
    in_plane = geometry.plane is Plane.SAGITTAL
    if in_plane:
        index[0] = _slice_of(centres, geometry)
        caption = f"Sagittal slice {int(index[0, 0, 0]) + 1} of {geometry.shape[0]}"
    sampled = ndimage.map_coordinates(volume.volume.array, index, order=1, cval=np.nan, prefilter=False)
    coarse = max(spacing for axis, spacing in enumerate(geometry.spacing_mm) if not (axis == 0 and in_plane)) / mm

    places = np.stack([np.zeros_like(index[0]), index[1], index[2]]) if in_plane else index

    def seen(parts: Mapping[int, Cut]) -> dict[int, FloatArray]:
        found = {}
        for label, part in parts.items():
            cut = part.slice_at(int(index[0, 0, 0])) if in_plane else part  # neighbours must not bend its border
            if cut is not None:
                distance = softened(sampled_distance(cut, geometry.spacing_mm, places) / mm, coarse)
                if (distance > 0).any():
                    found[label] = distance
        return found

    return SagittalView(
        grey=windowed(sampled, volume.volume.modality),
        bodies=seen(cuts),
        mm=mm,
        caption=caption,
        regions=seen(regions or {}),
    )


def drawn(
    view: SagittalView, notes: dict[int, str], faint: frozenset[int], marked: frozenset[int] = frozenset()
) -> Image.Image:
    """Return the view with every body outlined and named; ``notes`` stand below the names, ``faint`` ones are grey,
    ``marked`` ones (possible fractures) in the colour of warnings."""
    colours = {label: WARNING if label in marked else _colour(label, faint) for label in view.bodies}
    pixels = np.repeat(view.grey[..., None], 3, axis=2).astype(np.float64)
    for label, distance in view.regions.items():
        pixels = painted(pixels, fill_opacity(distance, _VEIL), level_colour(label))
        pixels = painted(pixels, 0.8 * line_opacity(distance, _REGION_LINE), level_colour(label))
    for label, distance in view.bodies.items():
        pixels = painted(pixels, line_opacity(distance, _LINE), colours[label])
    image = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for label, mask in view.masks.items():
        _name(draw, label, mask, notes.get(label, ""), colours[label])
    draw_marks(image, ("A", "P", "H", "F"), view.mm, 50.0, sideways=0.0)
    return image


def _colour(label: int, faint: frozenset[int]) -> Colour:
    return _GREY if label in faint else level_colour(label)


def _extent(
    shape: tuple[int, ...], cuts: Collection[Cut], geometry: Geometry
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (front, back) and (foot, head) in mm: the bodies with a margin along the spine as far as there are images,
    or the whole volume without bodies."""
    whole = _corners(np.array(shape, dtype=np.float64) - 1, np.zeros(3), geometry)
    if not cuts:
        low, high = whole
        return (float(low[1]), float(high[1])), (float(low[2]), float(high[2]))
    first = np.min([cut.start for cut in cuts], axis=0).astype(np.float64)
    last = np.max([np.add(cut.start, cut.mask.shape) for cut in cuts], axis=0).astype(np.float64) - 1
    low, high = _corners(last, first, geometry)
    along, front, back = _MARGIN_MM
    foot, head = max(low[2] - along, whole[0][2]), min(high[2] + along, whole[1][2])
    return (float(low[1] - front), float(high[1] + back)), (float(foot), float(head))


def _corners(last: FloatArray, first: FloatArray, geometry: Geometry) -> tuple[FloatArray, FloatArray]:
    """The lowest and highest LPS coordinates of a box of indices."""
    corners = np.array(np.meshgrid(*zip(first, last, strict=True))).reshape(3, -1).T
    points = geometry.to_lps(corners)
    return points.min(axis=0), points.max(axis=0)


def _lateral(centres: dict[int, FloatArray], geometry: Geometry, z: FloatArray) -> FloatArray:
    """Return for each height the left-right position of the cut: through the bodies, or the middle of the volume."""
    if not centres:
        middle = geometry.to_lps((np.array(geometry.shape, dtype=np.float64) - 1) / 2)
        return np.full(z.shape, middle[0])
    ordered = np.array(sorted(centres.values(), key=lambda centre: float(centre[2])))
    return np.asarray(np.interp(z, ordered[:, 2], ordered[:, 0]))


def _slice_of(centres: dict[int, FloatArray], geometry: Geometry) -> int:
    if not centres:
        return geometry.shape[0] // 2
    indices = geometry.to_index(np.array(list(centres.values())))[:, 0]
    return int(np.clip(round(float(np.median(indices))), 0, geometry.shape[0] - 1))


def _name(draw: ImageDraw.ImageDraw, label: int, mask: NDArray[np.bool_], note: str, colour: Colour) -> None:
    """Write the name in front of the body, and its value below the name."""
    rows, columns = np.nonzero(mask)
    level = level_of_label(label)
    name, middle = str(level) if level else "?", float(rows.mean())
    large, small = font(36, bold=True), font(27, bold=True)
    needed = max(large.getlength(name), small.getlength(note)) + 8
    right = max(int(columns.min()) - 12, round(needed))
    lettered(draw, (right, middle - (14 if note else 0)), name, large, colour, "rm")
    if note:
        lettered(draw, (right, middle + 19), note, small, WHITE, "rm")
