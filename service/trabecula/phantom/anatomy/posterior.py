"""Paints pedicles, laminae, processes, ribs, sacral wings and implants as rounded rods in each vertebra's frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy.field import SpineField, into_frame
from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.anatomy_types import Array, Segment, Vertebra

Point = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Rod:
    """A rounded rod between two points with elliptic cross-section ``radii`` (x, y, z); ``shell_mm`` is its cortex."""

    start: Point
    end: Point
    radii: Point
    inside: PhantomTissue
    shell: PhantomTissue
    shell_mm: float


def _depth(rod: Rod, x: Array, y: Array, z: Array) -> Array:
    """Depth below the rod's surface, mm (approximate for elliptic rods)."""
    radii = np.asarray(rod.radii, dtype=np.float32)
    start, end = np.asarray(rod.start, dtype=np.float32) / radii, np.asarray(rod.end, dtype=np.float32) / radii
    px, py, pz = x / radii[0] - start[0], y / radii[1] - start[1], z / radii[2] - start[2]
    way = end - start
    share = np.clip((px * way[0] + py * way[1] + pz * way[2]) / max(float(way @ way), 1e-6), 0, 1)
    distance = np.sqrt((px - share * way[0]) ** 2 + (py - share * way[1]) ** 2 + (pz - share * way[2]) ** 2)
    return np.asarray((1 - distance) * radii.min(), dtype=np.float32)


@lru_cache(maxsize=256)
def rods_of(vertebra: Vertebra) -> tuple[Rod, ...]:
    """The rods of one vertebra in its frame, for the left side; the right side mirrors them."""
    shape, body = vertebra.posterior, vertebra.body
    half, height = body.depth / 2, (body.height_anterior + body.height_posterior) / 2
    centre, side = half + 1 + shape.canal_depth / 2, shape.canal_width / 2
    pedicle = side + shape.pedicle_width / 2 - 0.5
    rear = centre + shape.canal_depth / 2
    marrow, cortex = PhantomTissue.POSTERIOR_MARROW, PhantomTissue.POSTERIOR_CORTEX
    if vertebra.segment is Segment.SACRAL:
        marrow, cortex = PhantomTissue.SACRUM_MARROW, PhantomTissue.SACRUM_CORTEX

    def bone(start: Point, end: Point, radii: Point) -> Rod:
        return Rod(start=start, end=end, radii=radii, inside=marrow, shell=cortex, shell_mm=shape.cortex_mm)

    low = -0.25 * height
    rods = [
        bone((side + 1, centre + 0.1 * shape.canal_depth, low / 2), (0, rear + 4, low), (5, 3.4, 0.3 * height)),
        bone(
            (0, rear + 4, low), (0, rear + shape.spinous_length, low - shape.drop), (2.8, 4, shape.spinous_height / 2)
        ),
    ]
    if vertebra.segment is Segment.SACRAL:
        if vertebra.level is not None:
            rods.append(bone((body.width / 2 - 6, 2, -2), (body.width / 2 + 24, 14, -8), (10, 13, 14)))
        else:
            rods.append(bone((body.width / 2 - 6, 2, 0), (body.width / 2 + 12, 8, 0), (9, 8, 10)))
        return tuple(rods)
    rods += [
        bone(
            (pedicle, half - 4, 0.17 * height),
            (pedicle, centre + 0.35 * shape.canal_depth, 0.2 * height),
            (shape.pedicle_width / 2, 5, shape.pedicle_height / 2),
        ),
        bone(
            (pedicle + 2, centre + 0.35 * shape.canal_depth, 0.2 * height),
            (pedicle + 3, centre + 0.2 * shape.canal_depth, 0.6 * height),
            (4.5, 0.6 * shape.facet_mm, 4.5),
        ),
        bone(
            (side, rear, -0.3 * height),
            (side + 1.5, rear, -0.82 * height),
            (5, 0.7 * shape.facet_mm, 6),
        ),
        bone(
            (pedicle, centre, 0.1 * height),
            (pedicle + shape.transverse_length, centre + 6, 0.18 * height),
            (4 * shape.transverse_size, 3 * shape.transverse_size, 6 * shape.transverse_size),
        ),
    ]
    if vertebra.segment is Segment.THORACIC and shape.rib_length > 0:
        rods.append(_rib(vertebra))
    return tuple(rods)


def _rib(vertebra: Vertebra) -> Rod:
    """The rib of a thoracic vertebra, left side, as long and as thick as its shape says."""
    shape, body = vertebra.posterior, vertebra.body
    half, height = body.depth / 2, (body.height_anterior + body.height_posterior) / 2
    start, whole = (body.width / 2, half - 3, 0.35 * height), (body.width / 2 + 65, half + 32, -30.0)
    cut = [a + (b - a) * shape.rib_length for a, b in zip(start, whole, strict=True)]
    return Rod(
        start=start,
        end=whole if shape.rib_length == 1.0 else (cut[0], cut[1], cut[2]),
        radii=(4 * shape.rib_size, 4 * shape.rib_size, 6 * shape.rib_size),
        inside=PhantomTissue.ILIUM_MARROW,
        shell=PhantomTissue.ILIUM_CORTEX,
        shell_mm=1.0,
    )


def _screws(vertebra: Vertebra) -> tuple[Rod, ...]:
    """Pedicle screw and its head, left side."""
    if not vertebra.screws:
        return ()
    shape, body = vertebra.posterior, vertebra.body
    half = body.depth / 2
    centre = half + 1 + shape.canal_depth / 2
    pedicle = shape.canal_width / 2 + shape.pedicle_width / 2
    height = 0.18 * (body.height_anterior + body.height_posterior) / 2
    metal = PhantomTissue.METAL_SCREW
    head = (pedicle + 3, centre + shape.canal_depth / 2 + 8, height + 2)
    return (
        Rod(
            start=head,
            end=(0.55 * pedicle, -0.15 * body.depth, height - 1),
            radii=(3.2, 3.2, 3.2),
            inside=metal,
            shell=metal,
            shell_mm=0.0,
        ),
        Rod(start=head, end=head, radii=(7, 7, 7), inside=metal, shell=metal, shell_mm=0.0),
    )


def _paint_rods(
    rods: tuple[Rod, ...],
    local: tuple[Array, Array, Array],
    index: NDArray[np.intp],
    label: int,
    maps: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    x, y, z = local
    for rod in rods:
        lows = [min(a, b) - r for a, b, r in zip(rod.start, rod.end, rod.radii, strict=True)]
        highs = [max(a, b) + r for a, b, r in zip(rod.start, rod.end, rod.radii, strict=True)]
        box = np.flatnonzero(
            (x > lows[0]) & (x < highs[0]) & (y > lows[1]) & (y < highs[1]) & (z > lows[2]) & (z < highs[2])
        )
        if not len(box):
            continue
        depth = _depth(rod, x[box], y[box], z[box])
        inside = box[depth >= 0]
        shell = depth[depth >= 0] < rod.shell_mm
        hollow = maps[0][index[inside]] == rod.inside
        # where two rods join, marrow stays marrow: the shell is drawn only around their union
        keep = ~(shell & hollow)
        maps[0][index[inside[keep]]] = np.where(shell[keep], rod.shell, rod.inside)
        maps[1][index[inside]] = label


def paint_posterior(field: SpineField, points: Array, tissue: NDArray[np.uint8], level: NDArray[np.uint8]) -> None:
    """Write posterior elements over ``tissue``; ``level`` gets the level they belong to."""
    for vertebra in field.spine.vertebrae:
        index = np.flatnonzero(_reach(vertebra, points, 115))
        if len(index):
            x, y, z = into_frame(vertebra, points[index])
            label = vertebra.level.label if vertebra.level not in (None, Level.S1) and vertebra.level else 0
            _paint_rods(rods_of(vertebra), (np.abs(x), y, z), index, label, (tissue, level))


def paint_implants(field: SpineField, points: Array, tissue: NDArray[np.uint8]) -> None:
    """Write screws and the rods that join them over everything else."""
    held = [vertebra for vertebra in field.spine.vertebrae if vertebra.screws]
    scratch = np.zeros(len(points), dtype=np.uint8)
    heads: list[tuple[Array, Array]] = []
    for vertebra in held:
        index = np.flatnonzero(_reach(vertebra, points, 70))
        screws = _screws(vertebra)
        head = np.asarray(screws[1].start, dtype=np.float32)
        mirrored = head * np.asarray([-1, 1, 1], dtype=np.float32)
        heads.append((vertebra.centre_mm + vertebra.axes @ head, vertebra.centre_mm + vertebra.axes @ mirrored))
        if len(index):
            x, y, z = into_frame(vertebra, points[index])
            _paint_rods(screws, (np.abs(x), y, z), index, 0, (tissue, scratch))
    rod_tissue = PhantomTissue.METAL_ROD
    index = np.arange(len(points))
    local = (points[:, 0], points[:, 1], points[:, 2])
    for low, high in pairwise(heads):
        for start, end in zip(low, high, strict=True):
            ends = [(float(p[0]), float(p[1]) + 2, float(p[2])) for p in (start, end)]
            rod = Rod(start=ends[0], end=ends[1], radii=(3, 3, 3), inside=rod_tissue, shell=rod_tissue, shell_mm=0.0)
            _paint_rods((rod,), local, index, 0, (tissue, scratch))


def _reach(vertebra: Vertebra, points: Array, radius: float) -> NDArray[np.bool_]:
    """Points that may lie in a vertebra's posterior elements: behind and around it, within ``radius``."""
    centre, axes = vertebra.centre_mm, vertebra.axes
    behind = points @ axes[:, 1] - centre @ axes[:, 1]
    over = points @ axes[:, 2] - centre @ axes[:, 2]
    tall = vertebra.body.height_anterior + 20
    reach = (behind > -6) & (behind < 95) & (over < tall) & (over > -tall - 25)
    return np.asarray(reach & (np.abs(points[:, 0] - centre[0]) < radius), dtype=np.bool_)
