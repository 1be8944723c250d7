"""Finds the last pair of ribs on CT, by bone that runs from beside a body far to the side: where T12 is.

Chest and abdomen CT often end above the sacrum, but show the last ribs. Near the spine a rib and a transverse process
look alike; what tells them apart is how far they reach. So bone is followed sideways in the volume itself, beyond the
stack that the network sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.domain.volume import FloatArray, Volume
from trabecula.segmentation.network.grids import Axes, Grid
from trabecula.segmentation.network.instances import Instances

_BONE_HU, _FAINT_HU = (180.0, 240.0), (140.0, 110.0)
"""All are tried: kidneys and vessels full of contrast agent join ribs at the lower values, thin ribs of little density
break into pieces at the higher ones (a rib that the image shows to 74 mm ends at 39 mm at 180 HU, on a phantom). From
what is seen at the faint ones alone nothing is named."""
_STEP_MM = 2.0
_ROOT_MM, _FROM_MM, _TO_MM = 32.0, 26.0, 140.0
"""A rib starts within the first distance from the middle; bone is followed between the other two."""
_FRONT_MM, _BACK_MM = -40.0, 90.0
_RIB_MM, _PROCESS_MM, _FLOATING_MM = 65.0, 55.0, 110.0
"""How far from the middle a rib reaches at least, a transverse process at most, and the free end of a last rib at most:
farther out it would wrap around the flank, as the eleventh does. On a real CT T12's ribs reach 85 and 86 mm, transverse
processes 33 to 55."""
_SECTION_MM2 = 250.0
"""Mean cross-section of a rib at most; the ilium has over 900 on that CT, ribs 50 to 80."""
_LEAST_MM3 = 150.0
_ALIKE_MM, _BESIDE_PITCH = 15.0, 0.4
_ROOT_PITCH = (-0.35, 0.65)
"""Where bone that belongs to a body starts, down from its middle in pitches: processes start below the middle."""
_ROOTS_APART_MM = 6.0
"""Free space along the spine between two roots of one piece of bone: a rib has come down to the process below it."""


@dataclass(frozen=True, kw_only=True)
class LastRibs:
    """The body (index from head to foot) that bears the last pair of ribs, and how far each side reaches (mm; twice the
    same where only one side can be told).

    ``whole``: both end in view, as free ribs do; else the image cuts them, or they may be ribs that wrap around the
    flank. ``next_mm`` is how far bone beside the next body reaches on its longer side, 0 where none is seen. ``lowest``
    is the lowest body that they may be of: another than ``body`` where a rib touches the process (or the rib) below it,
    so that one piece of bone starts beside two bodies.
    """

    body: int
    reach_mm: tuple[float, float]
    whole: bool = True
    next_mm: float = 0.0
    lowest: int | None = None

    @property
    def bodies(self) -> range:
        """All bodies that may bear them, from head to foot."""
        return range(self.body, (self.body if self.lowest is None else self.lowest) + 1)


@dataclass(frozen=True, kw_only=True)
class _Bone:
    """A piece of bone beside the spine: heights of its uppermost and its lowest root and reach from the middle (mm),
    ``slender`` as ribs are, ``whole`` where the image does not cut it."""

    root_mm: float
    lowest_mm: float
    reach_mm: float
    slender: bool
    whole: bool


def find_last_ribs(volume: Volume, grid: Grid, instances: Instances) -> LastRibs | None:
    """The last pair of ribs of a CT, beside one body; None where there is any doubt.

    Doubt is: another modality, bodies too few, a side without a rib, two sides at different heights or between two
    bodies, no body below, or processes beside the next body that are as long as short ribs on both sides. Of what is
    found at several densities the lowest pair counts.
    """
    if volume.modality is not Modality.CT or len(instances.bodies) < 2:
        return None
    centres = _centres_mm(grid, instances)
    found = []
    for least in (*_BONE_HU, *_FAINT_HU):
        last = _last_pair([_bones(volume, grid.axes, centres, sign, least) for sign in (-1, 1)], centres)
        if last is not None:
            found.append(replace(last, whole=last.whole and least in _BONE_HU))
    return max(found, key=lambda last: (last.body, last.whole), default=None)


def _last_pair(sides: list[list[_Bone]], centres: FloatArray) -> LastRibs | None:
    pair = _lowest_ribs(sides)
    if not pair:
        return None
    away = np.abs(centres[:, 1] - float(np.mean([bone.root_mm for bone in pair])))
    body = int(np.argmin(away))
    pitch = float(np.median(np.diff(centres[:, 1])))
    if away[body] > _BESIDE_PITCH * pitch or body == len(centres) - 1:
        return None
    below = [
        [bone for bone in side if bone not in pair and _starts_beside(bone, centres[body + 1, 1], pitch)]
        for side in sides
    ]
    if all(any(bone.slender and bone.reach_mm > _PROCESS_MM for bone in side) for side in below):
        return None
    whole = len(pair) == len(sides) and all(bone.whole and bone.reach_mm <= _FLOATING_MM for bone in pair)
    beside = max((bone.reach_mm for side in below for bone in side), default=0.0)
    lowest = int(np.argmin(np.abs(centres[:, 1] - max(bone.lowest_mm for bone in pair))))
    return LastRibs(
        body=body,
        reach_mm=(pair[0].reach_mm, pair[-1].reach_mm),
        whole=whole,
        next_mm=beside,
        lowest=lowest if lowest > body else None,
    )


def _lowest_ribs(sides: list[list[_Bone]]) -> tuple[_Bone, ...]:
    """The lowest rib of either side where both start at one height; one side's alone where those of the other have
    grown together, so that nobody can tell them apart there; nothing elsewhere."""
    ribs = [[bone for bone in side if bone.slender and bone.reach_mm >= _RIB_MM] for side in sides]
    lowest = [max(side, key=lambda bone: bone.root_mm, default=None) for side in ribs]
    left, right = lowest
    if left is not None and right is not None and abs(left.root_mm - right.root_mm) <= _ALIKE_MM:
        return left, right
    for rib, others in zip(lowest, reversed(sides), strict=True):
        if rib is not None and any(_joins(bone, rib.root_mm) for bone in others):
            return (rib,)
    return ()


def _starts_beside(bone: _Bone, centre_mm: float, pitch_mm: float) -> bool:
    return _ROOT_PITCH[0] <= (bone.root_mm - centre_mm) / pitch_mm <= _ROOT_PITCH[1]


def _joins(bone: _Bone, root_mm: float) -> bool:
    """True where a piece of bone is several ribs, one of which starts near this height."""
    several = bone.lowest_mm - bone.root_mm > _ALIKE_MM and bone.reach_mm >= _RIB_MM
    return several and bone.root_mm - _ALIKE_MM <= root_mm <= bone.lowest_mm + _ALIKE_MM


def _centres_mm(grid: Grid, instances: Instances) -> FloatArray:
    """Centres of the bodies (sideways, down, back) in mm from the volume's first possible sample of each axis."""
    axes, found = grid.axes, []
    for body in instances.bodies:
        place = []
        for k, positions in enumerate((grid.side, grid.row, grid.column)):
            index = float(np.interp(body.centre[k], np.arange(len(positions)), positions))
            place.append((index if axes.signs[k] > 0 else axes.sizes[k] - 1 - index) * axes.steps_mm[k])
        found.append(place)
    return np.array(found)


def _coarse(volume: Volume, axes: Axes) -> tuple[NDArray[np.floating], FloatArray]:
    """The volume seen as ``[side, row, column]`` in steps of about 2 mm, and those steps."""
    skip = [max(1, round(_STEP_MM / step)) for step in axes.steps_mm]
    turned = np.transpose(volume.array, axes.order)[tuple(slice(None, None, sign) for sign in axes.signs)]
    steps = np.array([step * k for step, k in zip(axes.steps_mm, skip, strict=True)])
    return turned[:: skip[0], :: skip[1], :: skip[2]], steps


def _span(shown: NDArray[np.bool_]) -> slice:
    """From the first to the last True; empty where there is none."""
    index = np.flatnonzero(shown)
    return slice(int(index[0]), int(index[-1]) + 1) if len(index) else slice(0, 0)


def _bones(volume: Volume, axes: Axes, centres: FloatArray, sign: int, least_hu: float) -> list[_Bone]:
    """Pieces of bone, what is over ``least_hu``, that start beside the spine on one side."""
    image, steps = _coarse(volume, axes)
    side, row, column = (np.arange(size) * step for size, step in zip(image.shape, steps, strict=True))
    middle, depth = (np.interp(row, centres[:, 1], centres[:, k]) for k in (0, 2))
    away = sign * (side[:, None] - middle[None, :])
    behind = column[None, :] - depth[:, None]
    near = (away >= _FROM_MM) & (away <= _TO_MM)
    level = (behind >= _FRONT_MM) & (behind <= _BACK_MM)
    part = (_span(near.any(axis=1)), slice(None), _span(level.any(axis=0)))
    bone = (image[part] > least_hu) & near[part[0], :, None] & level[None, :, part[2]]
    if not bone.size:  # a thin slab reaches nowhere beside the spine
        return []
    pieces, _ = ndimage.label(bone, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel()) * float(np.prod(steps))
    boxes, found = ndimage.find_objects(pieces), []
    for number in (int(piece) for piece in np.flatnonzero(sizes >= _LEAST_MM3) if piece):
        box, size = boxes[number - 1], float(sizes[number])
        index = np.argwhere(pieces[box] == number) + [piece.start for piece in box] + [part[0].start, 0, part[2].start]
        reach = away[index[:, 0], index[:, 1]]
        if reach.min() > _ROOT_MM:
            continue
        root = reach <= reach.min() + 2 * steps[0]
        cut = bool((index == 0).any() or (index == np.array(image.shape) - 1).any()) or reach.max() > _TO_MM - steps[0]
        slender = size <= _SECTION_MM2 * max(float(reach.max() - reach.min()), 1.0)
        upper, lower = _roots(row[index[root, 1]])
        found.append(_Bone(root_mm=upper, lowest_mm=lower, reach_mm=float(reach.max()), slender=slender, whole=not cut))
    return found


def _roots(heights_mm: FloatArray) -> tuple[float, float]:
    """The uppermost and the lowest place (mm) at which a piece of bone starts: the middles of its first and last group
    of voxels beside the spine; one place where there is one group."""
    heights = np.sort(heights_mm)
    groups = np.split(heights, np.flatnonzero(np.diff(heights) > _ROOTS_APART_MM) + 1)
    return float(groups[0].mean()), float(groups[-1].mean())
