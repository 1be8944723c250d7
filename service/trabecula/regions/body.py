"""Regions of measurement inside a vertebral body: trab_v1 (CT attenuation) and medullary_v1 (MR signal)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from trabecula.domain.volume import FloatArray, Geometry
from trabecula.regions.distance import Mask, MaskCrop, crop_to_mask, inner_distance_mm
from trabecula.regions.frame import BodyFrame, sample_grid
from trabecula.regions.numbers import MEDULLARY_V1, TRAB_V1

TRABECULAR_VERSION = "trab_v1"
MEDULLARY_VERSION = "medullary_v1"


def trabecular_v1(mask: Mask, geometry: Geometry, frame: BodyFrame) -> Mask:
    """Return the trabecular region of one body for CT attenuation, on the mask's grid.

    At least 3 mm from every wall, 5 mm from the endplates, the central half of the height, the anterior two thirds.
    All False where less than 1.5 cm3 is left: the body cannot be measured by this definition.
    """
    numbers = TRAB_V1
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.bool_)
    crop = crop_to_mask(mask, geometry)
    coordinates, border, endplate = _distances(crop, frame)
    kept = (border >= numbers.wall_mm) & (endplate >= numbers.endplate_mm)
    kept &= np.abs(frame.relative_height(coordinates) - 0.5) <= numbers.height_fraction / 2
    kept &= _anterior(coordinates, frame, numbers.anterior_fraction)
    if kept.sum() * geometry.voxel_volume_mm3 < numbers.minimum_cm3 * 1000:
        kept[:] = False
    return _placed(kept, crop, mask.shape)


def medullary_v1(mask: Mask, geometry: Geometry, frame: BodyFrame) -> Mask:
    """Return the medullary region of one body for MR signal, on the mask's grid; a single sagittal slice will do.

    At least 3 mm inside the border, within 10 mm of the midline, the anterior two thirds. All False where fewer than
    30 voxels are left.
    """
    numbers = MEDULLARY_V1
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.bool_)
    crop = crop_to_mask(mask, geometry)
    coordinates, border, _ = _distances(crop, frame)
    kept = (border >= numbers.border_mm) & (np.abs(coordinates[:, 0]) <= numbers.midline_mm)
    kept &= _anterior(coordinates, frame, numbers.anterior_fraction)
    if kept.sum() < numbers.minimum_voxels:
        kept[:] = False
    return _placed(kept, crop, mask.shape)


def _distances(crop: MaskCrop, frame: BodyFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Frame coordinates of the mask's voxels, and their distances to the border and to the endplates in mm."""
    grid = sample_grid(crop, frame.centre_mm, frame.axes)
    inside = grid.inside
    steps = (grid.step_mm,) * 3
    border = np.minimum(inner_distance_mm(inside, steps), 100.0)
    endplate = np.minimum(inner_distance_mm(~_beyond_endplates(inside), steps), 100.0)
    coordinates = frame.to_frame(crop.geometry.to_lps(np.argwhere(crop.mask).astype(np.float64)))
    places = (coordinates - np.array([grid.u_mm[0], grid.v_mm[0], grid.w_mm[0]])) / grid.step_mm
    return coordinates, _sampled(border, places), _sampled(endplate, places)


def _beyond_endplates(inside: Mask) -> Mask:
    """True above the top and below the bottom of every column (last axis: caudal to cranial) of the body."""
    covered_from_below = np.maximum.accumulate(inside, axis=2)
    covered_from_above = np.maximum.accumulate(inside[:, :, ::-1], axis=2)[:, :, ::-1]
    column = inside.any(axis=2, keepdims=True)
    return np.asarray(column & ~(covered_from_below & covered_from_above))


def _sampled(field: FloatArray, places: FloatArray) -> FloatArray:
    return np.asarray(ndimage.map_coordinates(field, places.T, order=1, mode="nearest", prefilter=False))


def _anterior(coordinates: FloatArray, frame: BodyFrame, fraction: float) -> Mask:
    low = frame.extents_mm[1][0]
    return np.asarray(coordinates[:, 1] <= low + fraction * frame.depth_mm)


def _placed(kept: Mask, crop: MaskCrop, shape: tuple[int, ...]) -> Mask:
    result = np.zeros(shape, dtype=np.bool_)
    part = np.zeros(crop.mask.shape, dtype=np.bool_)
    part[crop.mask] = kept
    result[crop.window] = part
    return result
