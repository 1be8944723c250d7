"""The regions of measurement in one place: frames, trab_v1, medullary_v1, csf_v1, heights_v1, rims and distances.

Masks are bool ``[slice, row, column]`` on the volume's grid, distances physical millimetres. Cut large volumes with
``crop_to_mask`` first: every function works on any part of a grid. The definitions are drawn in docs/regions.md; their
numbers live in ``data/regions.toml``.
"""

from __future__ import annotations

from trabecula.regions.body import MEDULLARY_VERSION, TRABECULAR_VERSION, medullary_v1, trabecular_v1
from trabecula.regions.csf import CSF_VERSION, CsfRegion, canal_window_v1, csf_v1
from trabecula.regions.distance import (
    Mask,
    MaskCrop,
    border_distance_mm,
    crop_geometry,
    crop_to_mask,
    eroded,
    inner_distance_mm,
    rim_out,
    window_of,
)
from trabecula.regions.frame import BodyFrame, fit_frame
from trabecula.regions.heights import HEIGHTS_VERSION, BodyHeights, body_heights

__all__ = [
    "CSF_VERSION",
    "HEIGHTS_VERSION",
    "MEDULLARY_VERSION",
    "TRABECULAR_VERSION",
    "BodyFrame",
    "BodyHeights",
    "CsfRegion",
    "Mask",
    "MaskCrop",
    "body_heights",
    "border_distance_mm",
    "canal_window_v1",
    "crop_geometry",
    "crop_to_mask",
    "csf_v1",
    "eroded",
    "fit_frame",
    "inner_distance_mm",
    "medullary_v1",
    "rim_out",
    "trabecular_v1",
    "window_of",
]
