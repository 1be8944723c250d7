"""The geometry gate: whether the frames of a stack form one regular volume, and in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.volume import FloatArray, Geometry
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.limits import GEOMETRY, GeometryLimits
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.stacks.rounded_places import RoundedLine, rounded_line
from trabecula.imaging.stacks.runs import Runs, runs_of
from trabecula.imaging.stacks.split import Stack


@dataclass(frozen=True)
class RegularStack:
    """Frames in the order of the volume's slices, and where they lie. ``reasons`` only warn.

    ``left_out`` are images of the same acquisition that are not part of the volume.
    """

    frames: tuple[Frame, ...]
    geometry: Geometry
    reasons: tuple[Reason, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def slice_spacing_mm(self) -> float:
        """Distance between neighbouring slices."""
        return self.geometry.spacing_mm[0]


def check_geometry(stack: Stack) -> RegularStack | Reason:
    """Return the best volume in a stack, or the blocking reason why there is none (see ``regular_stacks``)."""
    found = regular_stacks(stack)
    return found if isinstance(found, Reason) else found[0]


def regular_stacks(stack: Stack) -> tuple[RegularStack, ...] | Reason:
    """Return the volumes in a stack, best first, or the blocking reason why there is none.

    Order and spacing come from Image Position (Patient) projected on the slices' normal (PS3.3 C.7.6.2.1.1), never
    from Slice Location or Instance Number. With few missing slices, or where the distance changes, each regular run
    is a volume: the finest distance comes first, then the longest run. Distances that rounded positions explain are
    those of the header (``rounded_places``).
    """
    normal = stack.normal
    if stack.blocked is not None:
        return stack.blocked
    if normal is None or any(frame.position is None or frame.pixel_spacing is None for frame in stack.frames):
        return unplaced(stack)
    frames = sorted(stack.frames, key=lambda frame: (_along(frame, normal), frame.instance_number, frame.file.path))
    found = _by_distances(stack, frames, normal)
    if isinstance(found, Reason) or len(found[0].frames) < len(frames):
        line = rounded_line(frames, normal, stack.acquisition) if len(frames) > 1 else None
        if line is not None:
            geometry = _geometry(frames, normal, line)
            return (RegularStack(tuple(frames), geometry, (line.reason,), stack.left_out),)
    return found


def _by_distances(stack: Stack, frames: list[Frame], normal: FloatArray) -> tuple[RegularStack, ...] | Reason:
    """The volumes of sorted slices by the distances between them, or why there is none."""
    limits = GEOMETRY
    if len(frames) < 2 or _along(frames[-1], normal) - _along(frames[0], normal) < limits.duplicate_distance_mm:
        return _reason(stack, ReasonCode.GEOMETRY, "all slices lie at one position")
    frames, aside = _on_one_line(frames, normal, limits)
    if len(aside) > limits.maximum_missing_fraction * len(stack.frames):
        return _reason(stack, ReasonCode.GEOMETRY, f"{len(aside)} of {len(stack.frames)} slices lie beside the others")
    tilt = _tilt_degrees(frames, normal)
    if tilt > limits.maximum_tilt_degrees:
        limit = limits.maximum_tilt_degrees
        code = ReasonCode.GANTRY_TILT if stack.acquisition.modality == "CT" else ReasonCode.GEOMETRY
        return Reason(code=code, series_uid=stack.series_uid, value=round(tilt, 1), limit=limit, unit="degrees")
    found = runs_of([_along(frame, normal) for frame in frames], limits, stack.series_uid)
    if isinstance(found, Reason):
        return found
    left_out = list(stack.left_out)
    if aside:
        reason = _reason(stack, ReasonCode.GEOMETRY, "images that lie beside the line of the others", blocking=False)
        left_out.append(LeftOut(tuple(aside), reason))
    return _volumes(frames, normal, found, left_out)


def unplaced(stack: Stack) -> Reason:
    """Return the reason of a stack whose frames do not say where they lie."""
    detail = "position, orientation or pixel spacing is missing"
    if stack.frames[0].number is not None:
        detail = "a multi-frame image whose frames have no positions (not one functional group for each frame)"
    return _reason(stack, ReasonCode.GEOMETRY, detail)


def _volumes(
    frames: Sequence[Frame], normal: FloatArray, found: Runs, left_out: Sequence[LeftOut]
) -> tuple[RegularStack, ...]:
    volumes = []
    for first, last in found.runs:
        kept = frames[first : last + 1]
        rest = (*frames[:first], *frames[last + 1 :])
        more = [LeftOut(rest, found.reasons[0])] if rest and found.reasons else []
        reasons = tuple(found.told(len(kept), len(frames))) if rest else ()
        volumes.append(RegularStack(tuple(kept), _geometry(kept, normal), reasons, (*left_out, *more)))
    return tuple(volumes)


def _reason(stack: Stack, code: ReasonCode, detail: str, *, blocking: bool = True) -> Reason:
    return Reason(code=code, blocking=blocking, series_uid=stack.series_uid, detail=detail)


def _position(frame: Frame) -> FloatArray:
    return np.array(frame.position, dtype=np.float64)


def _along(frame: Frame, normal: FloatArray) -> float:
    return float(_position(frame) @ normal)


def _on_one_line(
    frames: Sequence[Frame], normal: FloatArray, limits: GeometryLimits
) -> tuple[list[Frame], list[Frame]]:
    """Separate frames whose first pixel lies beside the line through the others' (a tilted gantry has a line too)."""
    positions = np.array([frame.position for frame in frames], dtype=np.float64)
    along = positions @ normal
    across = positions - along[:, None] * normal
    half = len(frames) // 2
    reach = np.maximum(along[half:] - along[: len(frames) - half], 1e-6)
    steps = (across[half:] - across[: len(frames) - half]) / reach[:, None]
    slope = np.median(steps, axis=0) if half else np.zeros(3)
    straight = across - along[:, None] * slope
    off = np.linalg.norm(straight - np.median(straight, axis=0), axis=1) > limits.sideways_mm
    return (
        [frame for frame, odd in zip(frames, off, strict=True) if not odd],
        [frame for frame, odd in zip(frames, off, strict=True) if odd],
    )


def _tilt_degrees(frames: Sequence[Frame], normal: FloatArray) -> float:
    """Angle between the line of the slices' corners and their normal: the shear of a tilted gantry."""
    line = _position(frames[-1]) - _position(frames[0])
    along = abs(float(line @ normal))
    across = float(np.linalg.norm(line - (line @ normal) * normal))
    return math.degrees(math.atan2(across, along))


def _geometry(frames: Sequence[Frame], normal: FloatArray, line: RoundedLine | None = None) -> Geometry:
    """Affine of the sorted frames: slices along their mean step, rows and columns by Pixel Spacing (0028,0030).

    Of rounded positions the line through them gives first place and step.
    """
    first = frames[0]
    orientation = np.array(first.orientation, dtype=np.float64)
    spacing = np.median([frame.pixel_spacing for frame in frames], axis=0)
    mean = float((_position(frames[-1]) - _position(first)) @ normal) / max(1, len(frames) - 1)
    step, place = (mean, _position(first)) if line is None else (line.step_mm, line.first)
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = orientation[3:] * spacing[0]
    affine[:3, 2] = orientation[:3] * spacing[1]
    affine[:3, 3] = place
    return Geometry((len(frames), first.rows, first.columns), affine)
