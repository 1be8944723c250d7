"""Cutting whole vertebrae to their bodies by shape, for programs that outline the arch and processes as well."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from trabecula.domain.volume import Geometry
from trabecula.regions.distance import Mask, crop_to_mask, inner_distance_mm
from trabecula.regions.frame import fit_frame

_CORE_SHARE = 0.6
_GROWTH_OVER_DEPTH = 1.6
_MIN_CORE_MM = 2.0
_BEHIND_WALL_MM = 1.0


def body_of_vertebra(vertebra: Mask, geometry: Geometry) -> Mask:
    """Return the body of one whole vertebra.

    The body is the one thick part: what is deeper than 0.6 of the greatest depth, its largest piece, grown back to the
    edges within the vertebra; then cut off 1 mm behind its posterior wall, which is seen between the pedicles. A mask
    that is a body already loses next to nothing.
    """
    result = np.zeros(vertebra.shape, dtype=np.bool_)
    if not vertebra.any():
        return result
    crop = crop_to_mask(vertebra, geometry)
    spacing = crop.geometry.spacing_mm
    depth = inner_distance_mm(crop.mask, spacing)
    if not np.isfinite(depth).all() or depth.max() < _MIN_CORE_MM:
        result[crop.window] = crop.mask
        return result
    reach = _CORE_SHARE * float(depth.max())
    core = largest_piece(depth >= reach)
    nearness = ndimage.distance_transform_edt(~core, sampling=spacing)
    grown = largest_piece(crop.mask & (nearness <= _GROWTH_OVER_DEPTH * reach))
    frame = fit_frame(grown, crop.geometry)
    wall = frame.extents_mm[1][1] + _BEHIND_WALL_MM
    occupied = np.argwhere(grown)
    places = frame.to_frame(crop.geometry.to_lps(occupied.astype(np.float64)))
    behind = occupied[places[:, 1] > wall]
    grown[tuple(behind.T)] = False
    result[crop.window] = largest_piece(grown)
    return result


def largest_piece(mask: Mask) -> Mask:
    """Return the largest connected piece (faces, edges and corners connect); an empty mask stays empty."""
    pieces, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == int(np.argmax(sizes)))
