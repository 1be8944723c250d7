"""Short spines drawn in closed form with bodies, arches, processes and a canal, for tests of foreign segmenters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.regions.drawn_bodies import BodyShape, body_coordinates, draw_body, grid, rotation
from trabecula.domain.modality import Modality
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume

LEVELS = (Level.L3, Level.L4, Level.L5)
PITCH_MM = 37.0


def spine_grid(plane: str = "axial", spacing: tuple[float, float, float] = (1.5, 1.2, 1.2)) -> Geometry:
    return grid(plane, spacing, 130.0)


def draw_spine(geometry: Geometry) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """Bodies alone, whole vertebrae (both in our labels), and the canal."""
    bodies = np.zeros(geometry.shape, dtype=np.uint8)
    whole = np.zeros(geometry.shape, dtype=np.uint8)
    turn = rotation(0, 0, 0)
    for place, level in enumerate(LEVELS):
        centre = (0.0, -10.0, PITCH_MM * (1 - place))
        body = draw_body(geometry, BodyShape(), turn, centre)
        u, v, w = body_coordinates(geometry, turn, centre)
        pedicles = (np.hypot(np.abs(u) - 14, w - 4) < 5.5) & (v > 8) & (v < 32)
        arch = (np.abs(np.hypot(u, v - 27) - 14) < 3) & (v > 27) & (np.abs(w) < 9)
        process = (np.abs(u) < 3) & (v > 40) & (v < 58) & (np.abs(w + 4) < 8)
        whole[body | pedicles | arch | process] = level.label
        bodies[body] = level.label
    u, v, _ = body_coordinates(geometry, turn, (0.0, -10.0, 0.0))
    canal = (np.hypot(u, v - 27) < 9) & (whole == 0)
    return bodies, whole, np.asarray(canal)


def spine_volume(geometry: Geometry, modality: Modality = Modality.CT) -> Volume:
    bodies, whole, _ = draw_spine(geometry)
    image = np.where(bodies > 0, 150.0, np.where(whole > 0, 300.0, 40.0)) + (0 if modality is Modality.CT else 300)
    image += np.random.default_rng(5).normal(0, 10, image.shape)
    return Volume(array=image.astype(np.float32), geometry=geometry, modality=modality)


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return 2.0 * float((first & second).sum()) / float(first.sum() + second.sum())
