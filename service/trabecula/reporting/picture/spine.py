"""The sagittal view of the picture: a measured volume cut along the bodies, with outlines and names drawn on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.spine import level_of_label
from trabecula.domain.volume import Geometry, Plane
from trabecula.reporting.picture.palette import Colour, level_colour
from trabecula.reporting.picture.text import font

FloatArray = NDArray[np.float64]

_MARGIN_MM = (30.0, 62.0)
"""Room around the bodies, along the spine and from front to back."""
_CT_WINDOW = (-160.0, 460.0)
"""Bone and soft tissue together (level 150, width 620): trabecular bone shows as grey, cortex as white."""
_LINE = 2.6
_GREY: Colour = (150, 154, 160)
_MARK: Colour = (200, 204, 210)


@dataclass(frozen=True)
class SagittalView:
    """A sagittal picture of the spine: grey values, and for each label a soft mask on the same pixels.

    ``grey`` is ``[row, column]``, head up, front to the left, square pixels of ``mm`` millimetres.
    """

    grey: NDArray[np.uint8]
    masks: dict[int, NDArray[np.bool_]]
    mm: float
    caption: str


def sagittal_view(volume: AnalysedVolume, width: int, height: int) -> SagittalView:
    """Return the view that fills ``width`` x ``height`` pixels: the middle slice of a sagittal series, and a curved cut
    through the middle of the bodies of any other."""
    geometry, labels = volume.volume.geometry, volume.labels
    centres = _centres(labels, geometry)
    front_back, foot_head = _extent(labels, geometry)
    mm = max((front_back[1] - front_back[0]) / width, (foot_head[1] - foot_head[0]) / height)
    y = np.mean(front_back) + (np.arange(width) - (width - 1) / 2) * mm
    z = np.mean(foot_head) - (np.arange(height) - (height - 1) / 2) * mm
    points = np.empty((height, width, 3))
    points[..., 0], points[..., 1], points[..., 2] = _lateral(centres, geometry, z)[:, None], y[None, :], z[:, None]
    index = np.moveaxis(geometry.to_index(points), -1, 0)
    caption = "Curved sagittal reformat through the vertebral bodies"
    in_plane = geometry.plane is Plane.SAGITTAL
    if in_plane:
        index[0] = _slice_of(centres, geometry)
        caption = f"Sagittal slice {int(index[0, 0, 0]) + 1} of {geometry.shape[0]}"
    sampled = ndimage.map_coordinates(volume.volume.array, index, order=1, cval=np.nan, prefilter=False)
    coarse = max(spacing for axis, spacing in enumerate(geometry.spacing_mm) if not (axis == 0 and in_plane)) / mm
    masks = {label: _mask(labels == label, index, max(2.0, 0.4 * coarse)) for label in centres}
    grey = _windowed(sampled, volume.volume.modality)
    return SagittalView(grey, {label: mask for label, mask in masks.items() if mask.any()}, mm, caption)


def drawn(view: SagittalView, notes: dict[int, str], faint: frozenset[int]) -> Image.Image:
    """Return the view with every body outlined and named; ``notes`` stand below the names, ``faint`` ones are grey."""
    pixels = np.repeat(view.grey[..., None], 3, axis=2).astype(np.float64)
    for label, mask in view.masks.items():
        alpha = _line(mask)[..., None]
        pixels = pixels * (1 - alpha) + np.array(_colour(label, faint)) * alpha
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for label, mask in view.masks.items():
        _name(draw, label, mask, notes.get(label, ""), _colour(label, faint))
    _marks(draw, view)
    return image


def _colour(label: int, faint: frozenset[int]) -> Colour:
    return _GREY if label in faint else level_colour(label)


def _centres(labels: NDArray[np.uint8], geometry: Geometry) -> dict[int, FloatArray]:
    """Return the centre of each labelled body in LPS mm."""
    found = [int(label) for label in np.unique(labels) if label]
    return {
        label: geometry.to_lps(np.asarray(centre, dtype=np.float64))
        for label, centre in zip(found, ndimage.center_of_mass(labels > 0, labels, found), strict=True)
    }


def _extent(labels: NDArray[np.uint8], geometry: Geometry) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (front, back) and (foot, head) in mm: the bodies with a margin, or the whole volume without bodies."""
    occupied = np.argwhere(labels > 0)
    if occupied.size:
        corners = np.array(np.meshgrid(*zip(occupied.min(axis=0), occupied.max(axis=0), strict=True))).reshape(3, -1).T
        margin = _MARGIN_MM
    else:
        corners = np.array(np.meshgrid(*[(0, size - 1) for size in labels.shape])).reshape(3, -1).T
        margin = (0.0, 0.0)
    points = geometry.to_lps(corners.astype(np.float64))
    low, high = points.min(axis=0), points.max(axis=0)
    return (
        (float(low[1] - margin[1]), float(high[1] + margin[1])),
        (float(low[2] - margin[0]), float(high[2] + margin[0])),
    )


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


def _mask(body: NDArray[np.bool_], index: FloatArray, blur: float) -> NDArray[np.bool_]:
    """Return a body on the view's pixels, its border smoothed by ``blur`` pixels so that voxels make no stairs."""
    box = ndimage.find_objects(body.astype(np.uint8))[0]
    low = np.array([max(part.start - 2, 0) for part in box])
    part = body[tuple(slice(start, end.stop + 2) for start, end in zip(low, box, strict=True))].astype(np.float32)
    soft = ndimage.map_coordinates(part, index - low[:, None, None], order=1, cval=0.0, prefilter=False)
    return np.asarray(ndimage.gaussian_filter(soft, blur) > 0.5)


def _windowed(sampled: NDArray[np.float32], modality: Modality) -> NDArray[np.uint8]:
    inside = np.isfinite(sampled)
    low, high = _CT_WINDOW
    if modality is Modality.MR and inside.any():
        low, high = (float(value) for value in np.percentile(sampled[inside], (1.0, 99.5)))
    scaled = (np.where(inside, sampled, low) - low) / max(high - low, 1e-6)
    return np.asarray(np.clip(scaled, 0.0, 1.0) * 235, dtype=np.uint8)


def _line(mask: NDArray[np.bool_]) -> FloatArray:
    """Return the opacity of an anti-aliased line along the border of a mask."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    pad = 8
    area = tuple(slice(max(part.start - pad, 0), part.stop + pad) for part in box)
    part = mask[area]
    inside, outside = ndimage.distance_transform_edt(part), ndimage.distance_transform_edt(~part)
    distance = np.where(part, inside - 0.5, outside - 0.5)
    alpha = np.zeros(mask.shape)
    alpha[area] = np.clip(_LINE / 2 + 0.5 - distance, 0.0, 1.0)
    return alpha


def _name(draw: ImageDraw.ImageDraw, label: int, mask: NDArray[np.bool_], note: str, colour: Colour) -> None:
    """Write the name in front of the body, and its value below the name."""
    rows, columns = np.nonzero(mask)
    level = level_of_label(label)
    right, middle = int(columns.min()) - 14, float(rows.mean())
    name = str(level) if level else "?"
    _write(draw, (right, middle - (11 if note else 0)), name, font(30, bold=True), colour, "rm")
    if note:
        _write(draw, (right, middle + 17), note, font(20), (236, 238, 240), "rm")


def _marks(draw: ImageDraw.ImageDraw, view: SagittalView) -> None:
    """Write the orientation letters and a scale of 50 mm."""
    height, width = view.grey.shape
    middle_x, middle_y = width / 2, height / 2
    places = {"A": (16, middle_y), "P": (width - 16, middle_y), "H": (middle_x, 18), "F": (middle_x, height - 18)}
    for letter, place in places.items():
        _write(draw, place, letter, font(22, bold=True), _MARK, "mm")
    length = 50.0 / view.mm
    left, bottom = width - 24 - length, height - 26
    draw.line([(left, bottom), (left + length, bottom)], fill=_MARK, width=3)
    _write(draw, (left + length / 2, bottom - 14), "50 mm", font(18), _MARK, "mm")


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    face: ImageFont.FreeTypeFont,
    colour: Colour,
    anchor: str,
) -> None:
    """Write on the image with a dark halo, so that the letters stand out on bone and on air."""
    draw.text(place, text, font=face, fill=colour, anchor=anchor, stroke_width=3, stroke_fill=(0, 0, 0))
