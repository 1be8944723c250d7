"""Paints what is not bone or disc of the spine: torso, muscles, vessels, organs, pelvis, canal and foramina."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy.field import Located, SpineField
from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.anatomy_types import Array, Spine

Map = NDArray[np.uint8]


@lru_cache(maxsize=16)
def _profile(spine: Spine) -> Array:
    """Rows over height, ascending: z, centre x, centre y, y of the spinous tips (smoothed), body depth, body width."""
    rows = []
    for vertebra in spine.vertebrae:
        body, shape = vertebra.body, vertebra.posterior
        tip = np.array([0, body.depth / 2 + shape.canal_depth + shape.spinous_length, -shape.drop], dtype=np.float32)
        centre = vertebra.centre_mm
        rows.append([centre[2], centre[0], centre[1], (centre + vertebra.axes @ tip)[1], body.depth, body.width])
    table = np.asarray(sorted(rows), dtype=np.float32)
    tips = np.convolve(np.pad(table[:, 3], 2, mode="edge"), [0.1, 0.2, 0.4, 0.2, 0.1], mode="valid")
    table[:, 3] = np.maximum(tips, table[:, 2] + 35)
    return table


def _texture(points: Array, phase: float, scale: float) -> Array:
    """A smooth, seeded field between about -1 and 1."""
    x, y, z = points[:, 0] * scale, points[:, 1] * scale, points[:, 2] * scale
    warp = 1.7 * np.sin(0.31 * z + phase) + 1.3 * np.sin(0.23 * y - 0.4 * phase)
    return np.asarray(
        0.6 * np.sin(x + warp) * np.sin(0.9 * y + 0.3 * z - phase) + 0.4 * np.sin(0.45 * y + 0.5 * x + warp),
        dtype=np.float32,
    )


def paint_torso(field: SpineField, points: Array, tissue: Map) -> None:
    """Fill ``tissue`` with the torso: air, skin, fat, abdominal wall, organs, muscles, vessels, ilium."""
    spine = field.spine
    torso, profile = spine.torso, _profile(spine)
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    middle_x, middle_y, tips = (np.interp(z, profile[:, 0], profile[:, c]).astype(np.float32) for c in (1, 2, 3))
    back = tips + np.float32(torso.back_fat + 3)
    front = np.float32(profile[:, 2].mean() - torso.front_mm)
    half = (back - front) / 2
    centre = (back + front) / 2
    across, along = np.abs(x) / np.float32(torso.half_width), np.abs(y - centre) / half
    rho = np.sqrt(np.sqrt(across**4 + along**4))
    depth = (1 - rho) * np.sqrt(x * x + (y - centre) ** 2 + 1)
    tissue[:] = PhantomTissue.AIR
    tissue[depth >= 0] = PhantomTissue.SKIN
    behind = np.clip((along - across) * 1.5, 0, 1) * (y > centre)
    fat = torso.side_fat + (torso.back_fat - torso.side_fat) * behind
    tissue[depth > 2.2] = PhantomTissue.SUBCUTANEOUS_FAT
    tissue[depth > fat + 2] = PhantomTissue.MUSCLE
    inside = depth > fat + 10
    rx, ry = x - middle_x, y - middle_y
    tissue[(inside | ((np.abs(rx) < 70) & (np.abs(ry) < 45) & (depth > fat + 3))) & (ry < 25)] = (
        PhantomTissue.VISCERAL_FAT
    )
    _paint_blobs(field, points, tissue, inside)
    dome = spine.vertebra(Level.T11).centre_mm[2] + np.float32(np.sin(torso.texture_phase) * 20) - 0.004 * (x * x)
    tissue[inside & (z > dome) & (np.abs(rx) > 24) & (rho < 0.8)] = PhantomTissue.BOWEL_GAS
    _paint_muscles(field, points, rx, ry, back, tissue)
    _paint_vessels(field, rx, ry, z, tissue)
    _paint_ilium(field, points, tissue)


def _paint_blobs(field: SpineField, points: Array, tissue: Map, inside: NDArray[np.bool_]) -> None:
    candidates = np.flatnonzero(inside)
    if not len(candidates):
        return
    columns = np.ascontiguousarray(points[candidates].T)
    low, high = columns.min(axis=1), columns.max(axis=1)
    for blob in field.spine.torso.blobs:
        centre, radii = np.asarray(blob.centre_mm, np.float32), np.asarray(blob.radii_mm, np.float32)
        if (centre + radii < low).any() or (centre - radii > high).any():
            continue
        rho = sum(((columns[axis] - centre[axis]) / radii[axis]) ** 2 for axis in range(3))
        hit = np.flatnonzero(np.asarray(rho) < 1)
        depth = (1 - np.sqrt(np.asarray(rho)[hit])) * radii.min()
        tissue[candidates[hit]] = np.where(depth < blob.wall_mm, blob.wall, blob.inside)


def _paint_muscles(field: SpineField, points: Array, rx: Array, ry: Array, back: Array, tissue: Map) -> None:
    spine, profile = field.spine, _profile(field.spine)
    torso, z = spine.torso, points[:, 2]
    side = np.abs(rx)
    surface = back - np.float32(torso.back_fat)
    dorsal = (ry > 22) & (side < 72) & (points[:, 1] < surface - (side / 72) ** 4 * 25)
    fat = _texture(points, torso.texture_phase, 0.42) > 1.0 - 1.25 * torso.muscle_fat
    tissue[dorsal] = PhantomTissue.MUSCLE
    tissue[dorsal & fat] = PhantomTissue.MUSCLE_FAT
    tissue[dorsal & (side < 4)] = PhantomTissue.LIGAMENT
    tissue[dorsal & (side < 4) & fat] = PhantomTissue.MUSCLE_FAT
    width = np.interp(z, profile[:, 0], profile[:, 5]).astype(np.float32)
    top, bottom = spine.vertebra(Level.L1).centre_mm[2], spine.vertebra(Level.S1).centre_mm[2]
    share = np.clip((top - z) / max(float(top - bottom), 1.0), -0.2, 1.4)
    radius = np.float32(torso.psoas_scale) * (5 + 14 * np.clip(share + 0.1, 0, 1))
    off = (side - width / 2 - radius * 0.75) / radius
    ahead = (ry + 22 * np.clip(share - 0.6, 0, 1)) / (radius * 1.15)
    psoas = (off**2 + ahead**2 < 1) & (share > -0.15)
    tissue[psoas] = PhantomTissue.PSOAS


def _paint_vessels(field: SpineField, rx: Array, ry: Array, z: Array, tissue: Map) -> None:
    spine, profile = field.spine, _profile(field.spine)
    torso = spine.torso
    depth = np.interp(z, profile[:, 0], profile[:, 4]).astype(np.float32)
    fork = float(spine.vertebra(Level.L4).centre_mm[2])
    below = np.clip((fork - z) / 40, 0, 3)
    for radius, side, name in (
        (torso.aorta_radius, torso.aorta_side, PhantomTissue.AORTA),
        (torso.ivc_radius, torso.aorta_side - 22, PhantomTissue.IVC),
    ):
        front = -(depth / 2 + radius + 2)
        trunk = ((rx - side) ** 2 + (ry - front) ** 2 < radius**2) & (z > fork - 5)
        branches = ((np.abs(rx - side / 2) - 6 - 16 * below) ** 2 + (ry - front - 4) ** 2 < (0.6 * radius) ** 2) & (
            z <= fork
        )
        tissue[trunk | branches] = name


def _paint_ilium(field: SpineField, points: Array, tissue: Map) -> None:
    """The iliac wings: slabs that flare forward and sideways from the sacroiliac joints."""
    s1 = field.spine.vertebra(Level.S1)
    base = s1.centre_mm
    x, y, z = np.abs(points[:, 0] - base[0]), points[:, 1] - base[1], points[:, 2] - base[2]
    inner = s1.body.width / 2 + 30
    start, way = np.array([inner - 8, 48.0]), np.array([62.0, -80.0])
    share = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1]) / float(way @ way), 0, 1)
    distance = np.hypot(x - start[0] - share * way[0], y - start[1] - share * way[1])
    crest = 38 * np.sin(np.pi * np.clip(0.25 + 0.6 * share, 0, 1)) - 4
    thick = 5.5 + 3 * np.cos(3 * share)
    depth = np.minimum(thick - distance, np.minimum(crest - z, z + 95))
    tissue[depth > 0] = PhantomTissue.ILIUM_CORTEX
    tissue[depth > 1.3] = PhantomTissue.ILIUM_MARROW


def paint_canal(field: SpineField, points: Array, located: Located, tissue: Map) -> None:
    """Write the canal and its content, the ligaments around it and the fat and nerves of the foramina."""
    spine = field.spine
    near = np.flatnonzero((np.abs(located.x) < 40) & (located.y > 0) & (located.y < 60) & (located.along > -0.2))
    if not len(near):
        return
    part = Located(located.segment[near], located.along[near], located.x[near], located.y[near])
    torso = spine.torso
    deep, wide = part.interpolate(field.canal_depth) / 2, part.interpolate(field.canal_width) / 2
    wall = part.interpolate(field.depth) / 2
    y = part.y - wall - 1 - deep
    side = np.abs(part.x)
    ring = np.sqrt((part.x / wide) ** 2 + (y / deep) ** 2)
    fraction = part.along - np.floor(part.along)
    names = tissue[near]
    foramen = (side > wide * 0.8) & (side < part.interpolate(field.width) / 2 + 4) & (np.abs(y) < deep + 3)
    lumbar = part.along > spine.index_of(Level.S1)
    names[foramen & lumbar] = PhantomTissue.VISCERAL_FAT
    nerve = ((side - wide - 5) / 5) ** 2 + ((y + 1) / 3.2) ** 2 + ((fraction - 0.58) * 34 / 4.5) ** 2 < 1
    names[nerve & lumbar] = PhantomTissue.NERVE
    names[(ring < 1.28) & (y > 0)] = PhantomTissue.LIGAMENT
    names[ring < 1.0] = PhantomTissue.EPIDURAL_FAT
    taper = np.clip((part.along - torso.sac_end) / 1.2, 0, 1)
    rear = 0.80 + 0.12 * np.cos(2 * np.pi * fraction)
    # behind the lower bodies fat and veins lie in front of the sac, most at the middle of a body
    low = np.clip(1.15 - 0.33 * np.abs(part.along - spine.index_of(Level.S1) - 1), 0, 1) + 0.12
    gap = np.minimum(torso.front_fat * low * (0.65 + 0.35 * np.cos(2 * np.pi * fraction)), 1.1 * deep)
    half = deep * (0.5 * rear + 0.465) - 0.5 * gap
    shifted = y - (0.5 * deep * (rear - 0.93) + 0.5 * gap)
    sac = np.sqrt((part.x / (0.88 * wide)) ** 2 + (shifted / np.maximum(half, 0.5)) ** 2) < taper
    names[sac] = PhantomTissue.CSF
    cord = np.clip((part.along - torso.conus) / 0.5, 0, 1)
    wave = _texture(points[near], torso.texture_phase, 1.3)
    strands = sac & (y > -0.35 * deep + 0.4 * deep * cord) & (wave > -0.15) & (side < 0.8 * wide)
    names[strands & (y < 0.85 * deep)] = PhantomTissue.ROOTS
    oval = (part.x / (1.4 * torso.cord_radius)) ** 2 + ((y - 0.4) / torso.cord_radius) ** 2
    names[sac & (oval < cord**2)] = PhantomTissue.CORD
    tissue[near] = names
