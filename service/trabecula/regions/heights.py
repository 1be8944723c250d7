"""Anterior, middle and posterior heights of a vertebral body (heights_v1), for deformity grading."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trabecula.domain.volume import Geometry, Plane
from trabecula.regions.distance import Mask, crop_to_mask
from trabecula.regions.frame import BodyFrame, BodyGrid, sample_grid
from trabecula.regions.numbers import HEIGHTS_V1, HeightNumbers

HEIGHTS_VERSION = "heights_v1"
_STEP_MM = 0.5


@dataclass(frozen=True)
class BodyHeights:
    """Mean endplate distances in the anterior, middle and posterior third of one body, in mm."""

    anterior_mm: float
    middle_mm: float
    posterior_mm: float
    version: str = HEIGHTS_VERSION


def body_heights(mask: Mask, geometry: Geometry, frame: BodyFrame) -> BodyHeights | None:
    """Measure Ha, Hm and Hp in the frame of the body, or return None when a third has no bone.

    The mid-sagittal slab is 5 mm to either side; in sagittal slices of 3 mm and more it is the one slice nearest to
    the middle. A tenth of the depth is left out in front and behind (osteophytes).
    """
    if not mask.any():
        return None
    numbers = HEIGHTS_V1
    grid = sample_grid(crop_to_mask(mask, geometry), frame.centre_mm, frame.axes, _STEP_MM)
    lateral = _slab(grid, geometry, frame, numbers)
    columns = grid.occupancy[lateral].sum(axis=2) * grid.step_mm
    low, high = frame.extents_mm[1]
    trim = numbers.trim_fraction * (high - low)
    edges = np.linspace(low + trim, high - trim, 4)
    heights = []
    for first, last in pairwise(edges):
        third = columns[:, (grid.v_mm >= first) & (grid.v_mm <= last)]
        if not (third > grid.step_mm).any():
            return None
        heights.append(float(third[third > grid.step_mm].mean()))
    return BodyHeights(heights[0], heights[1], heights[2])


def _slab(grid: BodyGrid, geometry: Geometry, frame: BodyFrame, numbers: HeightNumbers) -> Mask:
    if geometry.plane is Plane.SAGITTAL and geometry.spacing_mm[0] >= numbers.thick_slice_mm:
        middle = geometry.to_index(frame.centre_mm)
        middle[0] = np.clip(np.round(middle[0]), 0, geometry.shape[0] - 1)
        offset = float(frame.to_frame(geometry.to_lps(middle))[0])
        nearest = np.abs(grid.u_mm - offset)
        return np.asarray(nearest <= nearest.min() + grid.step_mm / 2)
    return np.asarray(np.abs(grid.u_mm) <= numbers.slab_mm)
