"""Vertebral bodies drawn in closed form on any grid, for tests: a rounded box with known axes and heights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.volume import Geometry


@dataclass(frozen=True)
class BodyShape:
    """Sizes in mm; ``concavity`` is how deep each endplate sinks in the middle."""

    width: float = 45.0
    depth: float = 34.0
    anterior: float = 27.0
    posterior: float = 27.0
    concavity: float = 0.0


_INDEX_AXES = {
    "axial": [(0, 0, 1), (0, 1, 0), (1, 0, 0)],
    "sagittal": [(1, 0, 0), (0, 0, -1), (0, 1, 0)],
    "coronal": [(0, 1, 0), (0, 0, -1), (1, 0, 0)],
}


def grid(plane: str, spacing: tuple[float, float, float], size_mm: float = 72.0) -> Geometry:
    """A cube of ``size_mm`` centred at the origin, sliced in a plane."""
    counts = [max(1, round(size_mm / step)) for step in spacing]
    affine = np.eye(4)
    affine[:3, :3] = np.array(_INDEX_AXES[plane], dtype=float).T * np.array(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(counts) - 1) / 2)
    return Geometry((counts[0], counts[1], counts[2]), affine)


def rotation(about_x: float, about_y: float, about_z: float) -> NDArray[np.float64]:
    """Columns are where the body's u, v and w point (LPS); degrees."""
    a, b, c = np.radians([about_x, about_y, about_z])
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)


def body_coordinates(
    geometry: Geometry, turn: NDArray[np.float64], centre: tuple[float, float, float]
) -> NDArray[np.float64]:
    """(u, v, w) of every voxel, first axis last."""
    indices = np.moveaxis(np.indices(geometry.shape), 0, -1).astype(float)
    return np.moveaxis((geometry.to_lps(indices) - np.array(centre)) @ turn, -1, 0)


def draw_body(
    geometry: Geometry,
    shape: BodyShape,
    turn: NDArray[np.float64],
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> NDArray[np.bool_]:
    """True inside the body."""
    u, v, w = body_coordinates(geometry, turn, centre)
    radius = (np.abs(u) / (shape.width / 2)) ** 2.6 + (np.abs(v) / (shape.depth / 2)) ** 2.6
    half = (shape.anterior + shape.posterior) / 4 + (shape.posterior - shape.anterior) * v / shape.depth / 2
    half = half - shape.concavity * np.exp(-(radius**2) * 4)
    return np.asarray((radius <= 1) & (np.abs(w) <= half))


def single_slice(mask: NDArray[np.bool_], geometry: Geometry) -> tuple[NDArray[np.bool_], Geometry]:
    """The middle slice alone."""
    middle = mask.shape[0] // 2
    affine = np.array(geometry.affine)
    affine[:3, 3] = geometry.to_lps(np.array([middle, 0.0, 0.0]))
    return mask[middle : middle + 1], Geometry((1, *geometry.shape[1:]), affine)
