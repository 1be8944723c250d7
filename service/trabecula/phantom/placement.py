"""Where the slices lie: geometries around a digital spine, for axial, sagittal and coronal stacks."""

from __future__ import annotations

import numpy as np

from trabecula.domain.spine import Level
from trabecula.domain.volume import FloatArray, Geometry, Plane
from trabecula.phantom.anatomy_types import Spine

_AXES: dict[Plane, tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]] = {
    Plane.AXIAL: ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    Plane.SAGITTAL: ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    Plane.CORONAL: ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
}
"""LPS directions in which slice, row and column index grow: axial from the feet, sagittal from the right."""


def stack(
    plane: Plane,
    centre_mm: FloatArray,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    tilt_deg: float = 0.0,
) -> Geometry:
    """Return a stack ``[slice, row, column]`` whose middle is ``centre_mm``.

    ``tilt_deg`` tilts axial slices about the left-right axis while they are still stacked along z, like a CT gantry:
    the grid is then sheared (normal and stacking direction differ).
    """
    axes = np.array(_AXES[plane], dtype=np.float64).T
    if tilt_deg:
        angle = np.radians(tilt_deg)
        axes[:, 1] = (0.0, np.cos(angle), np.sin(angle))
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spacing_mm)
    affine[:3, 3] = np.asarray(centre_mm) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Geometry(shape, affine)


def lumbar_centre(spine: Spine) -> FloatArray:
    """Return the middle (LPS, mm) between T12 and the lower end of S1: where a technologist centres a lumbar scan."""
    top, bottom = lumbar_range(spine)
    centres = np.array([vertebra.centre_mm for vertebra in spine.vertebrae if vertebra.level is not None])
    inside = centres[(centres[:, 2] > bottom) & (centres[:, 2] < top)]
    return np.array([inside[:, 0].mean(), inside[:, 1].mean(), (top + bottom) / 2])


def lumbar_range(spine: Spine) -> tuple[float, float]:
    """Return the z (mm) of the upper and lower end of a lumbar scan: all of T12 to all of S1."""
    t12, s1 = spine.vertebra(Level.T12), spine.vertebra(Level.S1)
    return float(t12.centre_mm[2]) + 24.0, float(s1.centre_mm[2]) - 34.0


def subslices(geometry: Geometry, thickness_mm: float, count: int) -> tuple[Geometry, ...]:
    """Return ``count`` copies of a stack shifted along the slice normal so that they fill ``thickness_mm``."""
    if count == 1:
        return (geometry,)
    normal = np.cross(geometry.directions[:, 1], geometry.directions[:, 2])
    shifted = []
    for place in (np.arange(count) - (count - 1) / 2) / count:
        affine = np.array(geometry.affine)
        affine[:3, 3] += normal * place * thickness_mm
        shifted.append(Geometry(geometry.shape, affine))
    return tuple(shifted)


def part(geometry: Geometry, first: int, last: int) -> Geometry:
    """Return the slices ``first`` to ``last`` (exclusive) of a stack."""
    affine = np.array(geometry.affine)
    affine[:3, 3] += affine[:3, 0] * first
    return Geometry((last - first, *geometry.shape[1:]), affine)
