"""Digital lumbar spines: draw one at random, then ask which tissue and which level any voxel holds.

    rng = np.random.default_rng(7)
    spine = sample_spine(rng, sex=Sex.FEMALE, age_years=72.0, options=SpineOptions(healthy=True))
    anatomy = render_anatomy(spine, geometry)      # geometry: any domain Geometry, LPS mm, any orientation
    anatomy.tissue                                 # uint8[slice, row, column] of PhantomTissue
    anatomy.level                                  # uint8: labels of domain.spine for bodies, discs, posterior elements
    anatomy.body_labels()                          # uint8: bodies only (rim included, S1 = 26): the segmenter's truth
    anatomy.network_classes()                      # uint8: integers of TISSUE_LABELS
    truths(spine)                                  # heights, depth, width, volume of every named body

The centre of L3 lies at (0, 0, 0); x grows to the left, y to posterior, z to superior; the torso is about 300 mm wide,
the drawn chain reaches from S5 to T8 (about -190 to +190 mm). A disc carries the level of the body above it; its
degeneration is ``spine.discs[spine.index_of(level) - 1]``. Metal has level 0. ``locate_points`` gives the continuous
position along the chain. Same spine, same geometry: same arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry
from trabecula.phantom.anatomy.bodies import body_truth
from trabecula.phantom.anatomy.column import paint_column
from trabecula.phantom.anatomy.field import Located, SpineField, along, field_of, locate
from trabecula.phantom.anatomy.posterior import paint_implants, paint_posterior
from trabecula.phantom.anatomy.sampling import sample_spine
from trabecula.phantom.anatomy.surroundings import paint_canal, paint_torso
from trabecula.phantom.anatomy.tissue import BODY_TISSUES, NETWORK_CLASS, PhantomTissue
from trabecula.phantom.anatomy_types import Array, BodyTruth, Fracture, FractureKind, Sex, Spine, SpineOptions

__all__ = [
    "AnatomyMap",
    "BodyTruth",
    "Fracture",
    "FractureKind",
    "PhantomTissue",
    "Sex",
    "Spine",
    "SpineOptions",
    "along_points",
    "locate_points",
    "paint_points",
    "render_anatomy",
    "sample_spine",
    "truths",
]

_CHUNK = 1 << 18
_HALF_WIDTH_MM = 80.0

_IS_BODY = np.zeros(len(PhantomTissue), dtype=np.bool_)
_IS_BODY[[int(tissue) for tissue in BODY_TISSUES]] = True
_IS_SACRUM = np.zeros(len(PhantomTissue), dtype=np.bool_)
_IS_SACRUM[[int(PhantomTissue.SACRUM_MARROW), int(PhantomTissue.SACRUM_CORTEX)]] = True


@dataclass(frozen=True, eq=False)
class AnatomyMap:
    """Tissue and level of every voxel of a geometry: both uint8 ``[slice, row, column]``."""

    tissue: NDArray[np.uint8]
    level: NDArray[np.uint8]
    geometry: Geometry

    def body_labels(self) -> NDArray[np.uint8]:
        """Labels of vertebral bodies, rim included (T8-L6, and S1 = 26); 0 elsewhere."""
        s1 = _IS_SACRUM[self.tissue] & (self.level == Level.S1.label)
        return np.where(_IS_BODY[self.tissue] | s1, self.level, 0).astype(np.uint8)

    def network_classes(self) -> NDArray[np.uint8]:
        """The integers of ``domain.volume.TISSUE_LABELS``."""
        return np.asarray(NETWORK_CLASS[self.tissue])


def truths(spine: Spine) -> tuple[BodyTruth, ...]:
    """What is true of every named body of a spine, from caudal to cranial."""
    return tuple(body_truth(vertebra) for vertebra in spine.vertebrae if vertebra.level is not None)


def locate_points(spine: Spine, points_mm: Array) -> Located:
    """Place of points ``(n, 3)`` along and around the spine; index k of ``spine.vertebrae`` is at ``along == k``."""
    return locate(field_of(spine), np.asarray(points_mm, dtype=np.float32))


def along_points(spine: Spine, points_mm: Array) -> Array:
    """Place of points ``(n, 3)`` along the spine alone, in a third of the time of ``locate_points``."""
    return along(field_of(spine), np.asarray(points_mm, dtype=np.float32))


def _paint_chunk(field: SpineField, points: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    tissue = np.zeros(len(points), dtype=np.uint8)
    level = np.zeros(len(points), dtype=np.uint8)
    paint_torso(field, points, tissue)
    low, high = field.centres.min(axis=0), field.centres.max(axis=0)
    near = np.flatnonzero(
        (points[:, 0] > low[0] - _HALF_WIDTH_MM)
        & (points[:, 0] < high[0] + _HALF_WIDTH_MM)
        & (points[:, 1] > low[1] - 45)
        & (points[:, 1] < high[1] + 110)
        & (points[:, 2] > low[2] - 40)
        & (points[:, 2] < high[2] + 40)
    )
    if len(near):
        part, names, levels = points[near], tissue[near], level[near]
        located = locate(field, part)
        paint_canal(field, part, located, names)
        paint_posterior(field, part, names, levels)
        paint_column(field, part, located, names, levels)
        paint_implants(field, part, names)
        levels[(names == PhantomTissue.METAL_SCREW) | (names == PhantomTissue.METAL_ROD)] = 0
        tissue[near], level[near] = names, levels
    return tissue, level


def paint_points(spine: Spine, points_mm: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Tissue and level of any points ``(n, 3)`` in LPS mm."""
    field = field_of(spine)
    points = np.asarray(points_mm, dtype=np.float32)
    parts = [_paint_chunk(field, points[i : i + _CHUNK]) for i in range(0, len(points), _CHUNK)]
    if not parts:
        return np.zeros(0, np.uint8), np.zeros(0, np.uint8)
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def render_anatomy(spine: Spine, geometry: Geometry) -> AnatomyMap:
    """Sample a spine at every voxel centre of a geometry (slice by slice, so that memory stays small)."""
    slices, rows, columns = geometry.shape
    tissue = np.empty(geometry.shape, dtype=np.uint8)
    level = np.empty(geometry.shape, dtype=np.uint8)
    affine = geometry.affine.astype(np.float32)
    row, column = np.meshgrid(np.arange(rows, dtype=np.float32), np.arange(columns, dtype=np.float32), indexing="ij")
    plane = row.ravel()[:, None] * affine[:3, 1] + column.ravel()[:, None] * affine[:3, 2] + affine[:3, 3]
    for k in range(slices):
        names, levels = paint_points(spine, plane + np.float32(k) * affine[:3, 0])
        tissue[k], level[k] = names.reshape(rows, columns), levels.reshape(rows, columns)
    return AnatomyMap(tissue, level, geometry)
