"""Distances to the border of a mask in physical millimetres, and the masks that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.volume import TISSUE_LABELS, FloatArray, Geometry, Tissue
from trabecula.regions.numbers import RIM_V1

Mask = NDArray[np.bool_]
Window = tuple[slice, slice, slice]

_MARGIN_VOXELS = 2


@dataclass(frozen=True, eq=False)
class MaskCrop:
    """A mask cut to its bounding box: ``window`` indexes the full array, ``geometry`` places the cut one."""

    window: Window
    mask: Mask
    geometry: Geometry

    @cached_property
    def voxels_mm(self) -> FloatArray:
        """``(n, 3)``: LPS in mm of the centres of the mask's voxels, in the order of the array."""
        return self.geometry.to_lps(np.argwhere(self.mask).astype(np.float64))


def window_of(mask: Mask, margin: tuple[int, int, int] = (_MARGIN_VOXELS,) * 3) -> Window:
    """Return the bounding box of a mask grown by ``margin`` voxels, within the array. Raises ValueError when empty."""
    window: list[slice] = []
    part: Mask = mask
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        occupied = np.flatnonzero(part.any(axis=others))
        if occupied.size == 0:
            raise ValueError("the mask is empty")
        first, last = int(occupied[0]), int(occupied[-1])
        window.append(slice(max(first - margin[axis], 0), min(last + 1 + margin[axis], mask.shape[axis])))
        part = np.asarray(part[(slice(None),) * axis + (slice(first, last + 1),)])
    return (window[0], window[1], window[2])


def crop_geometry(geometry: Geometry, window: Window) -> Geometry:
    """Return the geometry of ``array[window]``."""
    starts = np.array([part.start for part in window], dtype=np.float64)
    affine = np.array(geometry.affine)
    affine[:3, 3] = geometry.to_lps(starts)
    sizes = [part.stop - part.start for part in window]
    return Geometry((sizes[0], sizes[1], sizes[2]), affine)


def crop_to_mask(mask: Mask, geometry: Geometry, margin_mm: float = 0.0) -> MaskCrop:
    """Cut a mask to its bounding box with a margin in mm (at least two voxels where the image has them).

    Raises ValueError when the mask is empty.
    """
    voxels = [max(_MARGIN_VOXELS, int(np.ceil(margin_mm / spacing))) for spacing in geometry.spacing_mm]
    window = window_of(mask, (voxels[0], voxels[1], voxels[2]))
    return MaskCrop(window, np.ascontiguousarray(mask[window]), crop_geometry(geometry, window))


def inner_distance_mm(mask: Mask, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Return each voxel centre's distance to the surface of the mask in mm; 0 outside the mask.

    The surface lies halfway between the last voxel inside and the first outside. The border of the array is no
    surface: where the image ends, the body goes on. A mask without any outside has infinite distances.
    """
    if mask.all():
        return np.full(mask.shape, np.inf)
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    nearest = ndimage.distance_transform_edt(mask, sampling=spacing, return_distances=False, return_indices=True)
    offsets = (nearest - np.indices(mask.shape, dtype=np.int32)) * spacing[:, None, None, None]
    length = np.sqrt((offsets**2).sum(axis=0))
    half_voxel = 0.5 * np.tensordot(spacing, np.abs(offsets), axes=1) / np.maximum(length, 1e-9)
    return np.where(mask, length - half_voxel, 0.0)


def border_distance_mm(mask: Mask, geometry: Geometry) -> NDArray[np.float32]:
    """Return the signed distance of every voxel centre to the mask's surface in mm: positive inside, negative outside.

    Full size, float32; cut large volumes with ``crop_to_mask`` first.
    """
    if not mask.any():
        return np.full(mask.shape, -np.inf, dtype=np.float32)
    inside = inner_distance_mm(mask, geometry.spacing_mm)
    outside = inner_distance_mm(~mask, geometry.spacing_mm)
    return np.where(mask, inside, -outside).astype(np.float32)


def eroded(mask: Mask, geometry: Geometry, depth_mm: float) -> Mask:
    """Return the voxels whose centres lie at least ``depth_mm`` inside the surface."""
    result = np.zeros(mask.shape, dtype=np.bool_)
    if mask.any():
        crop = crop_to_mask(mask, geometry)
        result[crop.window] = crop.mask & (inner_distance_mm(crop.mask, geometry.spacing_mm) >= depth_mm)
    return result


def rim_out(mask: Mask, geometry: Geometry, tissues: NDArray[np.uint8] | None = None) -> Mask:
    """Return the body without its cortical rim and endplates (rim_v1).

    With a tissue map the rim is what the segmenter calls rim; without one it is the outermost shell of ``rim_mm``.
    """
    if tissues is not None:
        return np.asarray(mask & (tissues != TISSUE_LABELS[Tissue.RIM]))
    return eroded(mask, geometry, RIM_V1.rim_mm)
