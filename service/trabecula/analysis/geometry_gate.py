"""The geometry gate: whether the frames of a stack form one regular volume, and in which order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from trabecula.analysis.acquisition import Frame
from trabecula.analysis.stacks import Stack
from trabecula.analysis.thresholds import data_file
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.volume import FloatArray, Geometry


@dataclass(frozen=True)
class RegularStack:
    """Frames in the order of the volume's slices, and where they lie. ``reasons`` only warn."""

    frames: tuple[Frame, ...]
    geometry: Geometry
    reasons: tuple[Reason, ...] = ()

    @property
    def slice_spacing_mm(self) -> float:
        """Distance between neighbouring slices."""
        return self.geometry.spacing_mm[0]


def check_geometry(stack: Stack) -> RegularStack | Reason:
    """Return the frames sorted by position with the volume's geometry, or the blocking reason why there is none.

    Order and spacing come from Image Position (Patient) projected on the slices' normal (PS3.3 C.7.6.2.1.1), never
    from Slice Location or Instance Number. Repeated positions are dropped; with few missing slices the longest
    regular run is kept.
    """
    limits = data_file("gates.toml")["geometry"]
    located = [frame for frame in stack.frames if frame.position is not None]
    normal = stack.normal
    if normal is None or len(located) < len(stack.frames) or stack.frames[0].pixel_spacing is None:
        return _reason(stack, ReasonCode.GEOMETRY, "position, orientation or pixel spacing is missing")
    frames, dropped = _sorted_once(located, normal, float(limits["duplicate_distance_mm"]))
    if len(frames) < 2:
        return _reason(stack, ReasonCode.GEOMETRY, "all slices lie at one position")
    warnings = []
    if dropped:
        detail = f"{dropped} repeated slice positions were left out"
        warnings.append(Reason(ReasonCode.GEOMETRY, blocking=False, series_uid=stack.series_uid, detail=detail))
    tilt = _tilt_degrees(frames, normal)
    if tilt > limits["maximum_tilt_degrees"]:
        limit = float(limits["maximum_tilt_degrees"])
        code = ReasonCode.GANTRY_TILT if stack.acquisition.modality == "CT" else ReasonCode.GEOMETRY
        return Reason(code, series_uid=stack.series_uid, value=round(tilt, 1), limit=limit, unit="degrees")
    kept = _longest_run(stack, frames, normal, limits)
    if isinstance(kept, Reason):
        return kept
    if len(kept) < len(frames):
        detail = f"the longest run of {len(kept)} of {len(frames)} slices is used"
        warnings.append(Reason(ReasonCode.MISSING_SLICES, blocking=False, series_uid=stack.series_uid, detail=detail))
    return RegularStack(tuple(kept), _geometry(kept, normal), tuple(warnings))


def _reason(stack: Stack, code: ReasonCode, detail: str) -> Reason:
    return Reason(code, series_uid=stack.series_uid, detail=detail)


def _position(frame: Frame) -> FloatArray:
    return np.array(frame.position, dtype=np.float64)


def _sorted_once(frames: Sequence[Frame], normal: FloatArray, nearest_mm: float) -> tuple[list[Frame], int]:
    ordered = sorted(
        frames, key=lambda frame: (round(float(_position(frame) @ normal), 3), frame.instance_number, frame.file.path)
    )
    kept: list[Frame] = []
    for frame in ordered:
        if not kept or float((_position(frame) - _position(kept[-1])) @ normal) > nearest_mm:
            kept.append(frame)
    return kept, len(ordered) - len(kept)


def _tilt_degrees(frames: Sequence[Frame], normal: FloatArray) -> float:
    """Angle between the line of the slices' corners and their normal: the shear of a tilted gantry."""
    line = _position(frames[-1]) - _position(frames[0])
    along = abs(float(line @ normal))
    across = float(np.linalg.norm(line - (line @ normal) * normal))
    return math.degrees(math.atan2(across, along))


def _longest_run(
    stack: Stack, frames: Sequence[Frame], normal: FloatArray, limits: Mapping[str, Any]
) -> Sequence[Frame] | Reason:
    places = np.array([float(_position(frame) @ normal) for frame in frames])
    gaps = np.diff(places)
    usual = float(np.median(gaps))
    tolerance = max(float(limits["spacing_tolerance"]) * usual, float(limits["spacing_tolerance_mm"]))
    tolerance = min(tolerance, 0.25 * usual)
    regular = np.abs(gaps - usual) <= tolerance
    if regular.all():
        return frames
    steps = np.maximum(1, np.round(gaps / usual))
    whole = np.abs(gaps - steps * usual) <= tolerance * steps
    limit = float(limits["maximum_missing_fraction"])
    odd = float((~whole).sum()) / len(gaps)
    if odd > limit:
        detail = f"slice distances from {gaps.min():.2f} to {gaps.max():.2f} mm"
        return _reason(stack, ReasonCode.GEOMETRY, detail)
    missing = float((steps - 1)[whole].sum())
    share = missing / (len(frames) + missing)
    if share > limit:
        return Reason(
            ReasonCode.MISSING_SLICES,
            series_uid=stack.series_uid,
            detail=f"{missing:g} of {len(frames) + missing:g} slices",
            value=round(100 * share, 1),
            limit=100 * limit,
            unit="%",
        )
    breaks = [0, *(int(index) + 1 for index in np.flatnonzero(~regular)), len(frames)]
    runs = [frames[first:last] for first, last in pairwise(breaks)]
    return max(runs, key=len)


def _geometry(frames: Sequence[Frame], normal: FloatArray) -> Geometry:
    """Affine of the sorted frames: slices along their mean step, rows and columns by Pixel Spacing (0028,0030)."""
    first = frames[0]
    orientation = np.array(first.orientation, dtype=np.float64)
    spacing = first.pixel_spacing or (1.0, 1.0)
    step = float((_position(frames[-1]) - _position(first)) @ normal) / max(1, len(frames) - 1)
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = orientation[3:] * spacing[0]
    affine[:3, 2] = orientation[:3] * spacing[1]
    affine[:3, 3] = _position(first)
    return Geometry((len(frames), first.rows, first.columns), affine)
