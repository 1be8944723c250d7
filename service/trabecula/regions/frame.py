"""A vertebral body's own axes: a frame fitted to its mask by endplate planes and cross-section, in LPS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from trabecula.domain.volume import FloatArray, Geometry, Plane
from trabecula.regions.distance import Mask, MaskCrop, crop_to_mask

_FIT_STEP_MM = 1.0
_ROUNDS = 8
_SETTLED_DEGREES = 0.2
_MAX_TILT_DEGREES = 45
_MAX_TWIST_DEGREES = 30
_BODY_IS_WIDER_THAN_DEEP = 1.12
_MAX_POINTS = 20_000

Endplate = tuple[float, float, float]
"""A plane in the frame: ``w = a + b * u + c * v`` in mm."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BodyFrame:
    """Where a vertebral body lies and how it is turned.

    ``axes`` is 3x3, its rows are LPS unit vectors: u from the patient's right to left, v from anterior to posterior,
    w from caudal to cranial. ``centre_mm`` is the middle of the body (LPS). ``extents_mm`` are (low, high) along u, v
    and w through the centre. ``superior`` and ``inferior`` are the endplate planes in frame coordinates.
    """

    centre_mm: FloatArray
    axes: FloatArray
    extents_mm: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    superior: Endplate
    inferior: Endplate

    def to_frame(self, points_mm: FloatArray) -> FloatArray:
        """Map LPS points ``(..., 3)`` to frame coordinates (u, v, w) in mm."""
        return np.asarray((points_mm - self.centre_mm) @ self.axes.T)

    def to_lps(self, coordinates_mm: FloatArray) -> FloatArray:
        """Map frame coordinates ``(..., 3)`` to LPS points."""
        return np.asarray(coordinates_mm @ self.axes + self.centre_mm)

    def relative_height(self, coordinates_mm: FloatArray) -> FloatArray:
        """Return 0 on the inferior and 1 on the superior endplate plane for frame coordinates ``(..., 3)``."""
        u, v, w = np.moveaxis(coordinates_mm, -1, 0)
        bottom = _plane_height(self.inferior, u, v)
        thickness = np.maximum(_plane_height(self.superior, u, v) - bottom, 1e-3)
        return np.asarray((w - bottom) / thickness)

    @property
    def width_mm(self) -> float:
        """Lateral width at mid-height."""
        return self.extents_mm[0][1] - self.extents_mm[0][0]

    @property
    def depth_mm(self) -> float:
        """Anteroposterior depth at mid-height near the midline."""
        return self.extents_mm[1][1] - self.extents_mm[1][0]

    @property
    def height_mm(self) -> float:
        """Distance of the endplate planes through the centre."""
        return self.extents_mm[2][1] - self.extents_mm[2][0]


@dataclass(frozen=True, eq=False, kw_only=True)
class BodyGrid:
    """A body resampled in a frame: ``occupancy[u, v, w]`` from 0 to 1, and the coordinates of its planes in mm."""

    occupancy: FloatArray
    u_mm: FloatArray
    v_mm: FloatArray
    w_mm: FloatArray
    step_mm: float

    @property
    def inside(self) -> Mask:
        """The voxels of the grid that belong to the body."""
        return self.occupancy >= 0.5


def sample_grid(crop: MaskCrop, centre_mm: FloatArray, axes: FloatArray, step_mm: float = _FIT_STEP_MM) -> BodyGrid:
    """Resample a cut mask linearly on an isotropic grid along ``axes``; beyond the image the body goes on."""
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in crop.mask.shape])).reshape(3, -1).T
    points = (crop.voxels_mm - centre_mm) @ axes.T
    reach = (crop.geometry.to_lps(corners) - centre_mm) @ axes.T
    margin = 2 * step_mm + max(crop.geometry.spacing_mm) / 2
    low, high = np.maximum(points.min(0) - margin, reach.min(0)), np.minimum(points.max(0) + margin, reach.max(0))
    low, high = np.minimum(low, points.min(0) - 2 * step_mm), np.maximum(high, points.max(0) + 2 * step_mm)
    lines = [np.arange(first, last + step_mm, step_mm) for first, last in zip(low, high, strict=True)]
    to_index = np.linalg.inv(crop.geometry.affine[:3, :3])
    occupancy = ndimage.affine_transform(
        crop.mask.astype(np.float32),
        to_index @ axes.T * step_mm,
        to_index @ (low @ axes + centre_mm - crop.geometry.affine[:3, 3]),
        output_shape=tuple(len(line) for line in lines),
        order=1,
        mode="nearest",
        prefilter=False,
    )
    return BodyGrid(
        occupancy=occupancy.astype(np.float64), u_mm=lines[0], v_mm=lines[1], w_mm=lines[2], step_mm=step_mm
    )


def fit_frame(mask: Mask, geometry: Geometry, toward_sacrum_mm: FloatArray | None = None) -> BodyFrame:
    """Fit the frame of one vertebral body.

    ``toward_sacrum_mm`` is an LPS vector from this body to its caudal neighbour; without it the patient's axis leads.
    Works from a single sagittal slice (no lateral tilt is fitted then) to a fine CT. Raises ValueError when the mask
    is empty.
    """
    crop = crop_to_mask(mask, geometry)
    points = crop.voxels_mm[:: max(1, len(crop.voxels_mm) // _MAX_POINTS)]
    centre = points.mean(axis=0)
    axes = _tilted_to_smallest_box(points - centre, _first_axes(geometry, toward_sacrum_mm))
    lateral = _sees_the_lateral_direction(points, geometry)
    for _ in range(_ROUNDS):
        grid = sample_grid(crop, centre, axes)
        turned = _square_to_endplates(_endplates(grid, lateral), axes)
        turned = _twisted(grid, turned) if lateral else turned
        change = np.degrees(np.arccos(np.clip((turned * axes).sum(axis=1), -1.0, 1.0))).max()
        axes = turned
        if change < _SETTLED_DEGREES:
            break
    return _measured_frame(sample_grid(crop, centre, axes), centre, axes, lateral)


def _first_axes(geometry: Geometry, toward_sacrum_mm: FloatArray | None) -> FloatArray:
    cranial = np.array([0.0, 0.0, 1.0])
    if toward_sacrum_mm is not None and np.linalg.norm(toward_sacrum_mm) > 1e-6:
        cranial = -np.asarray(toward_sacrum_mm, dtype=np.float64)
    left = np.array([1.0, 0.0, 0.0])
    if geometry.plane is Plane.SAGITTAL:
        normal = np.cross(geometry.directions[:, 1], geometry.directions[:, 2])
        left = normal * np.sign(normal[0])
        cranial = cranial - left * (cranial @ left) / (left @ left)
    return _orthonormal(left, cranial)


def _orthonormal(left: FloatArray, cranial: FloatArray) -> FloatArray:
    w = cranial / np.linalg.norm(cranial)
    u = left - w * (left @ w)
    u = u / np.linalg.norm(u)
    return np.stack([u, np.cross(w, u), w])


def _sees_the_lateral_direction(points: FloatArray, geometry: Geometry) -> bool:
    if geometry.plane is not Plane.SAGITTAL:
        return True
    along = geometry.to_index(points)[:, 0]
    return bool(np.ptp(along) >= 2 and np.ptp(along) * geometry.spacing_mm[0] >= 8.0)


def _tilted_to_smallest_box(offsets: FloatArray, axes: FloatArray) -> FloatArray:
    v, w = offsets @ axes[1], offsets @ axes[2]

    def area(degrees: float) -> float:
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        sides = [np.subtract(*np.percentile(side, (98, 2))) for side in (cosine * v - sine * w, sine * v + cosine * w)]
        return float(sides[0] * sides[1]) * (1 + 0.001 * abs(degrees))

    best = min(range(-_MAX_TILT_DEGREES, _MAX_TILT_DEGREES + 1, 3), key=area)
    return _orthonormal(axes[0], np.sin(np.radians(best)) * axes[1] + np.cos(np.radians(best)) * axes[2])


def _endplates(grid: BodyGrid, lateral: bool) -> tuple[Endplate, Endplate]:
    inside = grid.inside
    columns = inside.any(axis=2)
    u, v = np.meshgrid(grid.u_mm, grid.v_mm, indexing="ij")
    u_low, u_high = np.percentile(u[columns], (3, 97))
    v_low, v_high = np.percentile(v[columns], (3, 97))
    central = columns & (np.abs(u - (u_low + u_high) / 2) <= 0.35 * (u_high - u_low) + grid.step_mm)
    central &= np.abs(v - (v_low + v_high) / 2) <= 0.35 * (v_high - v_low) + grid.step_mm
    half = grid.step_mm / 2
    top = grid.w_mm[-1] - np.argmax(inside[:, :, ::-1], axis=2) * grid.step_mm + half
    bottom = grid.w_mm[0] + np.argmax(inside, axis=2) * grid.step_mm - half
    return (
        _fit_plane(u[central], v[central], top[central], lateral),
        _fit_plane(u[central], v[central], bottom[central], lateral),
    )


def _fit_plane(u: FloatArray, v: FloatArray, w: FloatArray, lateral: bool) -> Endplate:
    design = np.stack([np.ones_like(u), u if lateral else np.zeros_like(u), v], axis=1)
    keep = np.ones(len(w), dtype=np.bool_)
    solution: FloatArray = np.zeros(3)
    for _ in range(3):
        solution = np.asarray(np.linalg.lstsq(design[keep], w[keep], rcond=None)[0], dtype=np.float64)
        residuals = np.abs(design @ solution - w)
        keep = residuals <= max(1.0, 3.0 * float(np.median(residuals)))
    return (float(solution[0]), float(solution[1]), float(solution[2]))


def _square_to_endplates(endplates: tuple[Endplate, Endplate], axes: FloatArray) -> FloatArray:
    normals = [np.array([-plane[1], -plane[2], 1.0]) for plane in endplates]
    mean = sum((normal / np.linalg.norm(normal) for normal in normals), np.zeros(3))
    return _orthonormal(axes[0], mean @ axes)


def _twisted(grid: BodyGrid, axes: FloatArray) -> FloatArray:
    footprint = grid.inside.sum(axis=2)
    footprint = footprint >= 0.6 * np.percentile(footprint[footprint > 0], 75)
    u, v = np.meshgrid(grid.u_mm, grid.v_mm, indexing="ij")
    values, vectors = np.linalg.eigh(np.cov(np.stack([u[footprint], v[footprint]])))
    if values[1] < _BODY_IS_WIDER_THAN_DEEP**2 * values[0]:
        return axes
    major = vectors[:, 1] * (1.0 if vectors[0, 1] >= 0 else -1.0)
    if abs(np.degrees(np.arctan2(major[1], major[0]))) > _MAX_TWIST_DEGREES:
        return axes
    return _orthonormal(major[0] * axes[0] + major[1] * axes[1], axes[2])


def _measured_frame(grid: BodyGrid, centre: FloatArray, axes: FloatArray, lateral: bool) -> BodyFrame:
    superior, inferior = _endplates(grid, lateral)
    middle = (superior[0] + inferior[0]) / 2
    slab = grid.inside[:, :, np.abs(grid.w_mm - middle) <= 0.25 * max(superior[0] - inferior[0], 2.0)]
    u_low, u_high = _span(slab.sum(axis=(1, 2)), grid.u_mm, 0.2)
    midline = np.abs(grid.u_mm - (u_low + u_high) / 2) <= max(10.0, grid.step_mm)
    v_low, v_high = _span(slab[midline].sum(axis=(0, 2)), grid.v_mm, 0.5)
    u_mid, v_mid = (u_low + u_high) / 2, (v_low + v_high) / 2
    top, bottom = _plane_height(superior, u_mid, v_mid), _plane_height(inferior, u_mid, v_mid)
    w_mid = float(top + bottom) / 2
    shift = np.array([u_mid, v_mid, w_mid])
    half_height = float(top - bottom) / 2
    return BodyFrame(
        centre_mm=centre + shift @ axes,
        axes=axes,
        extents_mm=((u_low - u_mid, u_high - u_mid), (v_low - v_mid, v_high - v_mid), (-half_height, half_height)),
        superior=(half_height, superior[1], superior[2]),
        inferior=(-half_height, inferior[1], inferior[2]),
    )


def _span(profile: FloatArray, line_mm: FloatArray, share: float) -> tuple[float, float]:
    kept = line_mm[profile >= share * profile.max()]
    half = (line_mm[1] - line_mm[0]) / 2
    return float(kept[0] - half), float(kept[-1] + half)


def _plane_height(plane: Endplate, u: FloatArray | float, v: FloatArray | float) -> FloatArray:
    return np.asarray(plane[0] + plane[1] * u + plane[2] * v, dtype=np.float64)
