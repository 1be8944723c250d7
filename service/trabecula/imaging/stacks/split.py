"""Stacks: the frames of a series split into those that were acquired alike, lie parallel and belong to one scan."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.uids import SeriesUid
from trabecula.domain.volume import FloatArray, Plane
from trabecula.imaging.acquisition import Acquisition, Frame, consensus
from trabecula.imaging.limits import STACKS
from trabecula.imaging.stacks.contradictions import contradictions
from trabecula.imaging.stacks.copies import distinct, folded, once
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.stacks.likeness import alike
from trabecula.imaging.stacks.originals import originals
from trabecula.imaging.stacks.scans import along_normal, scans


@dataclass(frozen=True)
class Stack:
    """Parallel frames of one series and one way of acquisition, not yet proven to be a volume.

    ``left_out`` are images that lay among them and are not used; ``blocked`` says why it cannot be decided which of
    the frames belong together. ``scans`` counts the acquisitions that were told apart in the same place, this one too.
    """

    frames: tuple[Frame, ...]
    left_out: tuple[LeftOut, ...] = ()
    blocked: Reason | None = None
    scans: int = 1

    @cached_property
    def acquisition(self) -> Acquisition:
        """How the frames were made: what most of them say; they agree in what matters."""
        return consensus([frame.acquisition for frame in self.frames])

    @property
    def series_uid(self) -> SeriesUid:
        """The series all frames belong to."""
        return self.frames[0].acquisition.series_uid

    @cached_property
    def normal(self) -> FloatArray | None:
        """Unit normal of the slices (row x column), or None where the orientation is missing."""
        orientation = self.frames[0].orientation
        if orientation is None:
            return None
        normal = np.cross(np.array(orientation[:3]), np.array(orientation[3:]))
        return np.asarray(normal / np.linalg.norm(normal))

    @cached_property
    def plane(self) -> Plane | None:
        """The anatomical plane nearest to the slices."""
        if self.normal is None:
            return None
        return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[int(np.argmax(np.abs(self.normal)))]

    @cached_property
    def obliquity_degrees(self) -> float:
        """Angle between the slices' normal and the nearest axis of the patient."""
        if self.normal is None:
            return 90.0
        return math.degrees(math.acos(min(1.0, float(np.abs(self.normal).max()))))

    @cached_property
    def extent_mm(self) -> float:
        """How far the stack reaches along the patient's head-foot axis; of axial slices their centres count."""
        if self.plane is Plane.AXIAL and self.normal is not None:
            along = [float(np.dot(frame.position, self.normal)) for frame in self.frames if frame.position is not None]
            return max(along) - min(along) if along else 0.0
        places = [_corners_z(frame) for frame in self.frames if frame.position is not None]
        return max(high for _, high in places) - min(low for low, _ in places) if places else 0.0


def split(frames: Iterable[Frame]) -> tuple[Stack, ...]:
    """Return the stacks of all series, ordered by series UID and then by size, largest first."""
    groups = alike(distinct(frames))
    contradicted = contradictions(groups)
    stacks = [stack for index, group in enumerate(groups) for stack in _stacks(group, contradicted.get(index))]
    return tuple(sorted(stacks, key=lambda stack: (stack.series_uid, -len(stack.frames), stack.frames[0].file.path)))


def _stacks(group: Sequence[Frame], contradicted: Reason | None) -> Iterable[Stack]:
    first = group[0]
    if contradicted is not None:
        yield Stack(tuple(group), blocked=contradicted)
        return
    if first.position is None or first.orientation is None or first.pixel_spacing is None:
        yield Stack(tuple(group))
        return
    images, derived = originals(group)
    images, again = folded(images)
    copies = (*derived, *again)
    found = scans(images)
    count = sum(len(scan) >= STACKS.part_images for scan in found)
    for scan in found:
        kept, left_out = once(scan)
        if not kept:
            blocked = _several(scan, "two images at most positions, and nothing tells which")
            yield Stack(tuple(scan), copies, blocked=blocked)
            continue
        kept, lost = _rescaled(kept)
        told = (*copies, *left_out, *lost)
        if not kept:
            yield Stack(tuple(scan), told, blocked=lost[0].reason)
        elif _numbered_twice(kept):
            yield Stack(tuple(kept), told, _several(kept, "neighbouring slices have the same Instance Number"))
        else:
            yield Stack(tuple(kept), told, scans=max(1, count))


def _several(frames: Sequence[Frame], detail: str) -> Reason:
    return Reason(code=ReasonCode.SEVERAL_SCANS, series_uid=frames[0].acquisition.series_uid, detail=detail)


def _rescaled(frames: list[Frame]) -> tuple[list[Frame], tuple[LeftOut, ...]]:
    """Leave out frames that do not state the rescale values which others of the stack do (PS3.3 C.11.1).

    No frame is kept where too many lack them. Slope 1 and intercept 0 need not be stated.
    """
    stated = [frame for frame in frames if frame.lookup_table or None not in frame.rescale]
    lost = [frame for frame in frames if not frame.lookup_table and None in frame.rescale]
    if not lost or all(not frame.lookup_table and frame.rescale == (1.0, 0.0) for frame in stated):
        return frames, ()
    detail = f"missing in {len(lost)} of {len(frames)} images"
    reason = Reason(code=ReasonCode.RESCALE, series_uid=frames[0].acquisition.series_uid, detail=detail)
    if len(lost) > STACKS.rescale_missing_fraction * len(frames):
        return [], (LeftOut(tuple(lost), reason),)
    return stated, (LeftOut(tuple(lost), replace(reason, blocking=False)),)


def _numbered_twice(frames: Sequence[Frame]) -> bool:
    """Whether most Instance Numbers stand on two or more neighbouring slices: scans that were each numbered from 1."""
    of: dict[int, list[float]] = defaultdict(list)
    along = along_normal(frames)
    for frame, place in zip(frames, along, strict=True):
        if frame.number is None and frame.instance_number:
            of[frame.instance_number].append(float(place))
    repeated = [max(places) - min(places) for places in of.values() if len(places) > 1]
    if len(of) < STACKS.part_images or len(repeated) < 0.5 * len(of):
        return False
    step = float(np.median(np.diff(np.sort(along))))
    return float(np.median(repeated)) <= 1.5 * step


def _corners_z(frame: Frame) -> tuple[float, float]:
    """Lowest and highest z of the frame's pixel centres."""
    if frame.position is None or frame.orientation is None or frame.pixel_spacing is None:
        return (0.0, 0.0) if frame.position is None else (frame.position[2], frame.position[2])
    along_columns = frame.orientation[2] * frame.pixel_spacing[1] * (frame.columns - 1)
    along_rows = frame.orientation[5] * frame.pixel_spacing[0] * (frame.rows - 1)
    z = [frame.position[2] + a + b for a in (0.0, along_columns) for b in (0.0, along_rows)]
    return min(z), max(z)
