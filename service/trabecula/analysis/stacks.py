"""Stacks: the frames of a series split into those that were acquired alike and lie parallel."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trabecula.analysis.acquisition import Acquisition, Frame
from trabecula.analysis.thresholds import data_file
from trabecula.domain.volume import FloatArray, Plane


@dataclass(frozen=True)
class Stack:
    """Parallel frames of one series and one way of acquisition, not yet proven to be a volume."""

    frames: tuple[Frame, ...]

    @property
    def acquisition(self) -> Acquisition:
        """How the first frame was made; the others agree in what matters."""
        return self.frames[0].acquisition

    @property
    def series_uid(self) -> str:
        """The series all frames belong to."""
        return self.acquisition.series_uid

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
    families: dict[Hashable, list[list[Frame]]] = defaultdict(list)
    for frame in frames:
        groups = families[_family(frame)]
        for group in groups:
            if _parallel(group[0], frame):
                group.append(frame)
                break
        else:
            groups.append([frame])
    stacks = [part for groups in families.values() for group in groups for part in _repetitions(group)]
    return tuple(sorted(stacks, key=lambda stack: (stack.series_uid, -len(stack.frames), stack.frames[0].file.path)))


def _family(frame: Frame) -> Hashable:
    made = frame.acquisition
    spacing = tuple(round(value, 2) for value in frame.pixel_spacing) if frame.pixel_spacing else None
    return (
        made.series_uid,
        made.modality,
        made.sop_class_uid,
        frame.rows,
        frame.columns,
        spacing,
        made.image_type,
        _rounded(made.echo_time),
        _rounded(made.inversion_time),
        _rounded(made.b_value),
        _rounded(made.kvp),
        made.kernel,
        made.temporal_position,
        made.quality_control,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _parallel(first: Frame, second: Frame) -> bool:
    if first.orientation is None or second.orientation is None:
        return first.orientation is second.orientation
    limit = math.cos(math.radians(float(data_file("gates.toml")["geometry"]["orientation_tolerance_degrees"])))
    rows = np.dot(first.orientation[:3], second.orientation[:3])
    columns = np.dot(first.orientation[3:], second.orientation[3:])
    return bool(min(rows, columns) >= limit)


def _repetitions(frames: Sequence[Frame]) -> list[Stack]:
    """Split a group that holds every position equally often (repeated acquisitions) by time; else keep it whole."""
    places: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        places[None if frame.position is None else tuple(round(value, 2) for value in frame.position)].append(frame)
    counts = {len(group) for group in places.values()}
    if counts == {1} or len(counts) > 1 or None in places:
        return [Stack(tuple(frames))]
    ordered = [sorted(group, key=_when) for group in places.values()]
    return [Stack(tuple(group[turn] for group in ordered)) for turn in range(counts.pop())]


def _when(frame: Frame) -> tuple[int, str, int, int, str]:
    made = frame.acquisition
    return (made.acquisition_number or 0, made.acquired_at, frame.instance_number, frame.number or 0, frame.file.path)


def _corners_z(frame: Frame) -> tuple[float, float]:
    """Lowest and highest z of the frame's pixel centres."""
    if frame.position is None or frame.orientation is None or frame.pixel_spacing is None:
        return (0.0, 0.0) if frame.position is None else (frame.position[2], frame.position[2])
    along_columns = frame.orientation[2] * frame.pixel_spacing[1] * (frame.columns - 1)
    along_rows = frame.orientation[5] * frame.pixel_spacing[0] * (frame.rows - 1)
    z = [frame.position[2] + a + b for a in (0.0, along_columns) for b in (0.0, along_rows)]
    return min(z), max(z)
