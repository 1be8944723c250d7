"""Partial volume at the edges of tissues: a voxel on an edge is the mean over points inside it, any other one point."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trabecula.phantom.anatomy import AnatomyMap, PhantomTissue, Spine, paint_points

Values = Callable[[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]
"""Gives the value of points from their tissue, level and place (LPS mm)."""

_OFFSETS = np.array(
    [(-0.37, -0.12, 0.25), (-0.12, 0.37, -0.25), (0.12, -0.37, -0.12), (0.37, 0.12, 0.12)], dtype=np.float32
)
"""Points inside a voxel as fractions of (slice, row, column): one in each quarter of the slice's thickness."""


_SOFT = (
    PhantomTissue.AIR,
    PhantomTissue.SKIN,
    PhantomTissue.SUBCUTANEOUS_FAT,
    PhantomTissue.MUSCLE,
    PhantomTissue.MUSCLE_FAT,
    PhantomTissue.PSOAS,
    PhantomTissue.VISCERAL_FAT,
    PhantomTissue.BOWEL_WALL,
    PhantomTissue.BOWEL_GAS,
    PhantomTissue.BOWEL_CONTENT,
    PhantomTissue.ORGAN,
    PhantomTissue.FLUID,
    PhantomTissue.AORTA,
    PhantomTissue.IVC,
    PhantomTissue.CSF,
    PhantomTissue.CORD,
    PhantomTissue.ROOTS,
    PhantomTissue.EPIDURAL_FAT,
    PhantomTissue.LIGAMENT,
    PhantomTissue.NERVE,
    PhantomTissue.KIDNEY,
)
"""Between two of these the scanner's blur alone is smooth enough; bone, discs and metal are worth the points."""

_KIND = np.arange(len(PhantomTissue), dtype=np.uint8)
_KIND[[int(tissue) for tissue in _SOFT]] = 0


def edges(tissue: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the voxels of ``[slice, row, column]`` at edges of bone, discs and metal: they differ from one of their
    six neighbours."""
    tissue = _KIND[tissue]
    found = np.zeros(tissue.shape, dtype=np.bool_)
    for axis in range(3):
        lead: list[slice] = [slice(None)] * 3
        lag: list[slice] = [slice(None)] * 3
        lead[axis], lag[axis] = slice(1, None), slice(None, -1)
        differs = tissue[tuple(lead)] != tissue[tuple(lag)]
        found[tuple(lead)] |= differs
        found[tuple(lag)] |= differs
    return found


def places(anatomy: AnatomyMap, voxels: tuple[NDArray[np.intp], ...]) -> NDArray[np.float32]:
    """Return the LPS points (mm) of voxels given as index arrays."""
    affine = anatomy.geometry.affine.astype(np.float32)
    return np.asarray(np.stack(voxels, axis=-1).astype(np.float32) @ affine[:3, :3].T + affine[:3, 3])


def soften_edges(
    spine: Spine, anatomy: AnatomyMap, image: NDArray[np.float32], values: Values, extent: tuple[float, float, float]
) -> None:
    """Replace in ``image`` the voxels on edges by the mean over four points inside each.

    ``extent`` is the size of the sampled box in units of (slice, row, column) spacing, e.g. thickness over increment.
    """
    voxels = np.nonzero(edges(anatomy.tissue))
    centre = places(anatomy, voxels)
    total = np.zeros(len(centre), dtype=np.float32)
    turn = anatomy.geometry.affine[:3, :3].T.astype(np.float32)
    for offset in _OFFSETS:
        points = centre + (offset * np.array(extent, dtype=np.float32)) @ turn
        tissue, level = paint_points(spine, points)
        total += values(tissue, level, points)
    image[voxels] = total / np.float32(len(_OFFSETS))
