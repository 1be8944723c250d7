"""A drawn vertebral body with texture, small enough that features of the whole volume take seconds."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume

ANGLE_BLOCK = (13.0, 9.0, 11.0)


def axial(spacing: tuple[float, float, float] = (1.25, 0.8, 0.8), size_mm: float = 96.0) -> Geometry:
    """A grid of axial slices from foot to head, cubic, centred at the origin."""
    counts = [round(size_mm / step) for step in spacing]
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, spacing[2]], [0, spacing[1], 0], [spacing[0], 0, 0]])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(counts) - 1) / 2)
    return Geometry((counts[0], counts[1], counts[2]), affine)


def drawn_series(
    geometry: Geometry, modality: Modality = Modality.CT, seed: int = 1, levels: tuple[Level, ...] = (Level.L3,)
) -> tuple[Volume, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """Return a volume of smooth noise with one block of bone for each level, stacked along z, and its labels."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, 1, geometry.shape)
    smooth = ndimage.gaussian_filter(noise, [1.2 / step for step in geometry.spacing_mm])
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape), 0, -1).astype(float))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    for place, level in enumerate(levels):
        centre = np.array([0.0, 0.0, (len(levels) - 1) * 15.0 - 30.0 * place])
        labels[(np.abs(points - centre) < np.array([ANGLE_BLOCK[0], ANGLE_BLOCK[1], ANGLE_BLOCK[2]])).all(-1)] = (
            level.label
        )
    values = 40 + 60 * smooth / smooth.std() + np.where(labels > 0, 130.0, 0.0)
    return Volume(array=values.astype(np.float32), geometry=geometry, modality=modality), labels
