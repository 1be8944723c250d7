"""Paints bodies and discs: the front column of the spine, segment by segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trabecula.phantom.anatomy.bodies import body_depth, endplates, footprint, slanted
from trabecula.phantom.anatomy.field import Located, SpineField, into_frame
from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.anatomy_types import Array, Disc, Segment, Vertebra

_MARGIN_MM = 14.0


def paint_column(
    field: SpineField, points: Array, located: Located, tissue: NDArray[np.uint8], level: NDArray[np.uint8]
) -> None:
    """Write the tissues and levels of bodies and discs over ``tissue`` and ``level`` (both ``(n,)``)."""
    chain, discs = field.spine.vertebrae, field.spine.discs
    near = (np.abs(located.x) < located.interpolate(field.width) / 2 + _MARGIN_MM) & (
        np.abs(located.y) < located.interpolate(field.depth) / 2 + _MARGIN_MM
    )
    near &= (located.along > -0.5) & (located.along < len(chain) - 0.5)
    for k in range(len(chain) - 1):
        index = np.flatnonzero(near & (located.segment == k))
        if not len(index):
            continue
        here = points[index]
        low, high = into_frame(chain[k], here), into_frame(chain[k + 1], here)
        _paint_disc(discs[k], (chain[k], chain[k + 1]), (low, high), index, (tissue, level))
        _paint_body(chain[k], low, index, (tissue, level))
        _paint_body(chain[k + 1], high, index, (tissue, level))


def _paint_body(
    vertebra: Vertebra,
    local: tuple[Array, Array, Array],
    index: NDArray[np.intp],
    maps: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    body = vertebra.body
    x, y, z = local
    depth, plate, _ = body_depth(body, x, y, z)
    inside = depth >= 0
    if not inside.any():
        return
    index, x, y, z = index[inside], x[inside], y[inside], z[inside]
    depth, plate = depth[inside], plate[inside]
    sacral = vertebra.segment is Segment.SACRAL
    marrow = PhantomTissue.SACRUM_MARROW if sacral else PhantomTissue.BODY_MARROW
    cortex = PhantomTissue.SACRUM_CORTEX if sacral else PhantomTissue.BODY_CORTEX
    tissue = np.full(len(index), marrow, dtype=np.uint8)
    if not sacral:
        vein = (np.abs(x) < 5.0) & (y > 0.08 * body.depth) & (np.abs(z) < 0.8 + 2.2 * np.clip(2 * y / body.depth, 0, 1))
        tissue[vein] = PhantomTissue.BASIVERTEBRAL_VEIN
        upper, lower = vertebra.modic_mm
        tissue[(plate < np.where(z > 0, upper, lower)) & (y < 0.3 * body.depth)] = PhantomTissue.MODIC
    if vertebra.lesion is not None and not sacral:
        a, b, c, radius = vertebra.lesion
        tissue[(x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < radius**2] = PhantomTissue.LESION
    if vertebra.cement and not sacral:
        wave = 1 + 0.25 * np.sin(0.9 * x + 0.5 * z) + 0.2 * np.sin(0.8 * y - 0.6 * x)
        ball = (x / (0.3 * body.width)) ** 2 + (y / (0.32 * body.depth)) ** 2 + (z / (0.36 * body.height_middle)) ** 2
        tissue[ball < wave] = PhantomTissue.CEMENT
    rim = (depth < body.cortex_mm) | (plate < body.endplate_mm)
    tissue[rim] = cortex
    maps[0][index] = tissue
    maps[1][index] = 0 if vertebra.level is None else vertebra.level.label


def _paint_disc(
    disc: Disc,
    pair: tuple[Vertebra, Vertebra],
    locals_: tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]],
    index: NDArray[np.intp],
    maps: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    lower, upper = pair
    (x0, y0, z0), (x1, y1, z1) = locals_
    slip = disc.protrusion_mm * np.exp(-(((x0 - disc.protrusion_side_mm) / 7) ** 2)) * np.clip(y0 / 10, 0, 1)
    extra = np.asarray(disc.bulge_mm + slip, dtype=np.float32)
    rho0, rho1 = (
        footprint(lower.body, x0, y0, 1.0, extra),
        footprint(upper.body, x1, slanted(upper.body, y1, 1.0), 1.0, extra),
    )
    rho = 0.5 * (rho0 + rho1)
    floor = endplates(lower.body, x0, y0, np.minimum(rho0, 1.0))[0]
    roof = endplates(upper.body, x1, y1, np.minimum(rho1, 1.0))[1]
    above, below = z0 - floor, roof - z1
    inside = (rho < 1) & (above > -1.5) & (below > -1.5)
    if not inside.any():
        return
    rho, above, below = rho[inside], above[inside], below[inside]
    centre = np.abs(above - below) < 0.8 * np.abs(above + below)
    nucleus = (rho < disc.nucleus) & centre
    tissue = np.where(nucleus, PhantomTissue.NUCLEUS, PhantomTissue.ANNULUS).astype(np.uint8)
    if disc.vacuum:
        tissue[(rho < 0.6) & (np.abs(above - below) < 1.2)] = PhantomTissue.BOWEL_GAS
    tissue[rho > disc.fused_from] = PhantomTissue.SACRUM_MARROW
    maps[0][index[inside]] = tissue
    maps[1][index[inside]] = 0 if upper.level is None else upper.level.label
