"""Splits what the network calls body into single vertebral bodies, in three dimensions.

The phase tells them apart: it is 0 at every body's middle and pi in every disc, so within a slice cores (cosine high)
never touch, even where osteophytes or a collapsed disc fuse two bodies in the class maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.segmentation.network.inference import Maps

Float = NDArray[np.float32]

_CORE_COSINE, _SURE_COSINE, _STRICT_COSINES = 0.25, 0.5, (0.65, 0.8)
_BRIDGED_MM, _BRIDGED_SHARE, _TWO_CORES_MM = 14.0, 0.3, 40
_REACH_MM = 20.0
_OTHER_MM, _OTHER_SINE = 3.0, 0.3
_MIN_AREA_MM2 = 90.0
_SMALL_SHARE = 0.3
_CROWDING_SHARE, _CROWDING_PITCH = 0.5, 0.7
_JOIN = np.zeros((3, 3, 3), dtype=bool)
_JOIN[1, 1, :] = _JOIN[1, :, 1] = _JOIN[:, 1, 1] = True


@dataclass(frozen=True, kw_only=True)
class StackBody:
    """One body on the stack: its number in the basin map, centre (stack index), volume, largest slice area, and the
    distance from the slice with the lowest to that with the highest index in which it is seen."""

    number: int
    centre: tuple[float, float, float]
    volume_mm3: float
    area_mm2: float
    height_mm: float
    edge: bool


@dataclass(frozen=True, eq=False)
class Instances:
    """Bodies from head to foot and the map ``[side, row, column]`` of which one each voxel is nearest to (0: none).

    ``marrow`` names the classes that are the inside of these bodies.
    """

    bodies: tuple[StackBody, ...]
    basins: NDArray[np.uint8]
    bodyness: Float
    marrow: tuple[str, ...] = ("body",)


def find_instances(maps: Maps, side_mm: float, rim_share: float, anchored: bool = True) -> Instances:
    """Find the bodies of a stack; ``rim_share`` is the part of the rim's probability that counts as body.

    Where nothing anchors the names, what looks like S1 is a body like the others (of unknown level).
    """
    marrow = ("body",) if anchored else ("body", "s1")
    bodyness = maps.probability(*marrow) + np.float32(rim_share) * maps.probability("rim")
    with_rim = maps.probability(*marrow, "rim")
    mask = _column(maps, with_rim) & (with_rim > 0.5)
    cores = mask & (maps.cosine > _CORE_COSINE * np.hypot(maps.cosine, maps.sine))
    cores = ndimage.binary_opening(cores, structure=_JOIN[1:2])
    labelled, count = ndimage.label(cores, structure=_JOIN)
    named = np.asarray(labelled, dtype=np.int32)
    if not count:
        return Instances((), np.zeros(mask.shape, np.uint8), bodyness, marrow)
    named = _split_bridged(named, maps)
    named = _drop_small(named, int(named.max()), side_mm)
    named = _join_stacked(named, side_mm)
    basins = _add_cut(_grow(named, mask, maps.sine, side_mm), mask)
    solid = np.where(mask, basins, 0).astype(np.uint8)
    bodies = [_measure(solid, number, side_mm) for number in range(1, int(basins.max()) + 1)]
    bodies = sorted(_plausible(bodies), key=lambda body: body.centre[1])
    order = np.zeros(256, dtype=np.uint8)
    for place, body in enumerate(bodies):
        order[body.number] = place + 1
    ordered = tuple(
        StackBody(
            number=place + 1,
            centre=b.centre,
            volume_mm3=b.volume_mm3,
            area_mm2=b.area_mm2,
            height_mm=b.height_mm,
            edge=b.edge,
        )
        for place, b in enumerate(bodies)
    )
    return Instances(ordered, order[basins], bodyness, marrow)


def _column(maps: Maps, bodyness: Float) -> NDArray[np.bool_]:
    """The largest connected column of bodies, discs and sacrum, and other pieces not much smaller."""
    column = bodyness + maps.probability("disc", "s1", "sacrum") > 0.5
    named, count = ndimage.label(column, structure=np.ones((3, 3, 3), dtype=bool))
    if count <= 1:
        return np.asarray(column, dtype=np.bool_)
    sizes = ndimage.sum_labels(column, named, np.arange(1, count + 1))
    keep = np.concatenate([[False], sizes > 0.08 * sizes.max()])
    return np.asarray(keep[named], dtype=np.bool_)


def _split_bridged(named: NDArray[np.int32], maps: Maps) -> NDArray[np.int32]:
    """Split cores that a few voxels join from slice to slice, as where the spine is bent sideways or turned.

    In a core tall enough for two bodies, what is surely a middle is asked for more and more strictly: a wide bridge may
    hold at a cosine of 0.5 and give way at 0.65 (a real spine in 38 slices of 2 mm: T12 and L1 were one).
    """
    cosine = maps.cosine / np.maximum(np.hypot(maps.cosine, maps.sine), 1e-6)
    result = named.copy()
    for number, box in enumerate(ndimage.find_objects(named), start=1):
        if box is None:
            continue
        core = named[box] == number
        tall = core.shape[1] >= _TWO_CORES_MM
        for least in (_SURE_COSINE, *_STRICT_COSINES) if tall else (_SURE_COSINE,):
            parts = _parts_of(core, cosine[box] > least)
            if parts is not None:
                free = int(result.max())
                result[box][core] = np.where(parts[core] > 1, parts[core] - 1 + free, number)
                break
    return result


def _parts_of(core: NDArray[np.bool_], sure: NDArray[np.bool_]) -> NDArray[np.int32] | None:
    """The parts (1, 2, ...) of a core of which only what is ``sure`` falls apart into large pieces that stand one above
    the other; None where it does not."""
    labelled, count = ndimage.label(core & sure, structure=_JOIN)
    if count < 2:
        return None
    pieces = np.arange(1, count + 1)
    sizes = ndimage.sum_labels(core, labelled, pieces)
    rows = np.array(ndimage.center_of_mass(core, labelled, pieces))[:, 1]
    large = np.flatnonzero(sizes >= _BRIDGED_SHARE * sizes.max())
    large = large[np.argsort(rows[large])]
    if len(large) < 2 or np.diff(rows[large]).min() < _BRIDGED_MM:
        return None
    order = np.zeros(count + 1, dtype=np.int32)
    order[pieces[large]] = np.arange(1, len(large) + 1)
    seeds = order[labelled]
    nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return np.asarray(np.where(core, seeds[tuple(nearest)], 0), dtype=np.int32)


def _drop_small(named: NDArray[np.int32], count: int, side_mm: float) -> NDArray[np.int32]:
    """Remove cores that never reach the least area in any slice, and number the others anew."""
    areas = np.zeros(count + 1)
    for plane in named:
        areas = np.maximum(areas, np.bincount(plane.ravel(), minlength=count + 1))
    keep = areas >= _MIN_AREA_MM2 * 0.3
    keep[0] = False
    numbers = np.where(keep, np.cumsum(keep), 0)
    return np.asarray(numbers[named], dtype=np.int32)


def _join_stacked(named: NDArray[np.int32], side_mm: float) -> NDArray[np.int32]:
    """Join pieces of one core: those whose middle rows are nearer than a third of the usual pitch and that overlap."""
    count = int(named.max())
    if count < 2:
        return named
    centres = np.array(ndimage.center_of_mass(named > 0, named, np.arange(1, count + 1)))
    sizes = ndimage.sum_labels(named > 0, named, np.arange(1, count + 1))
    big = np.flatnonzero(sizes >= 0.35 * np.median(np.sort(sizes)[-max(1, count // 2) :]))
    pitch = float(np.median(np.diff(np.sort(centres[big, 1])))) if len(big) > 2 else 32.0
    pitch = float(np.clip(pitch, 18, 48))
    parent = np.arange(count + 1)
    for small in np.argsort(sizes):
        for other in np.argsort(-sizes):
            if other == small or sizes[other] < sizes[small] or parent[small + 1] != small + 1:
                continue
            away = centres[small] - centres[other]
            if abs(away[1]) < pitch / 3 and abs(away[2]) < 26 and abs(away[0]) * side_mm < 45:
                parent[small + 1] = other + 1
                break
    for _ in range(4):
        parent = parent[parent]
    _, compact = np.unique(parent, return_inverse=True)
    return np.asarray(compact[named], dtype=np.int32)


def _grow(named: NDArray[np.int32], mask: NDArray[np.bool_], sine: Float, side_mm: float) -> NDArray[np.uint8]:
    """Give every voxel near a body the number of the nearest core (body voxels first, the surroundings after).

    The phase keeps a core from taking the next body's voxels where that one has no core of its own: what lies above a
    core but is a lower half (sine below zero), or below it but an upper half, is another body's.
    """
    spacing = (side_mm, 1.0, 1.0)
    distance, nearest = ndimage.distance_transform_edt(named == 0, sampling=spacing, return_indices=True)
    basins = named[tuple(nearest)]
    basins[distance > _REACH_MM] = 0
    below = np.arange(mask.shape[1])[None, :, None] - nearest[1]
    basins[mask & (np.abs(below) > _OTHER_MM) & (np.sign(below) * sine > _OTHER_SINE)] = 0
    return np.asarray(np.minimum(basins, 255) * _touching(basins, mask), dtype=np.uint8)


def _add_cut(basins: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Number what is left of bodies that the image's upper or lower edge cuts so that their core is out of view."""
    left = np.stack([ndimage.binary_opening(plane, iterations=2) for plane in mask & (basins == 0)])
    pieces, count = ndimage.label(left, structure=np.ones((3, 3, 3), dtype=bool))
    if not count:
        return basins
    result, number = basins.copy(), int(basins.max())
    for piece, box in enumerate(ndimage.find_objects(pieces), start=1):
        region = pieces[box] == piece
        cut = box[1].start <= 1 or box[1].stop >= mask.shape[1] - 1
        if cut and number < 255 and region.sum(axis=(1, 2)).max() >= _MIN_AREA_MM2:
            number += 1
            result[box][region] = number
    return result


def _touching(basins: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Ones where a voxel is body, or within 3 mm of body in its slice."""
    near = np.stack([ndimage.binary_dilation(plane, iterations=3) for plane in mask])
    return np.asarray(near & (basins > 0), dtype=np.uint8)


def _measure(basins: NDArray[np.uint8], number: int, side_mm: float) -> StackBody:
    box = ndimage.find_objects((basins == number).astype(np.uint8))
    if not box or box[0] is None:
        return StackBody(number=number, centre=(0.0, 0.0, 0.0), volume_mm3=0.0, area_mm2=0.0, height_mm=0.0, edge=False)
    part = basins[box[0]] == number
    areas = part.sum(axis=(1, 2))
    middle = ndimage.center_of_mass(part)
    start = [piece.start for piece in box[0]]
    _, rows, columns = basins.shape
    edge = bool(
        box[0][1].start <= 1 or box[0][1].stop >= rows - 1 or box[0][2].start <= 1 or box[0][2].stop >= columns - 1
    )
    centre = tuple(float(m + s) for m, s in zip(middle, start, strict=True))
    return StackBody(
        number=number,
        centre=(centre[0], centre[1], centre[2]),
        volume_mm3=float(areas.sum()) * side_mm,
        area_mm2=float(areas.max()),
        height_mm=float(part.any(axis=(0, 2)).sum()),
        edge=edge,
    )


def _plausible(bodies: list[StackBody]) -> list[StackBody]:
    """Drop fragments: those much smaller than the others (a body cut by the image's edge may be smaller), and those
    that crowd the row."""
    found = [body for body in bodies if body.area_mm2 >= _MIN_AREA_MM2]
    if len(found) < 3:
        return found
    usual = float(np.median([body.volume_mm3 for body in found]))
    area = float(np.median([body.area_mm2 for body in found]))
    found = [
        body
        for body in found
        if body.volume_mm3 >= (0.15 if body.edge else _SMALL_SHARE) * usual and body.area_mm2 >= 0.25 * area
    ]
    return _without_crowders(sorted(found, key=lambda body: body.centre[1]))


def _without_crowders(row: list[StackBody]) -> list[StackBody]:
    """Drop, from the smallest on, bodies of less than half the usual size that stand between two others within 0.7 of
    the usual distance of each: a crushed body keeps its discs, and with them its distance."""
    for body in sorted(row, key=lambda body: body.volume_mm3):
        place = row.index(body)
        if len(row) < 4 or place in (0, len(row) - 1):
            continue
        usual = float(np.median([other.volume_mm3 for other in row]))
        pitch = float(np.median(np.diff([other.centre[1] for other in row])))
        gaps = [abs(body.centre[1] - row[place + step].centre[1]) for step in (-1, 1)]
        if body.volume_mm3 < _CROWDING_SHARE * usual and max(gaps) < _CROWDING_PITCH * pitch:
            row = [other for other in row if other != body]
    return row
