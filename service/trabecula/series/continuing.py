"""Continuing: a volume that goes on in another series, as where an archive parts a series after so many images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.volume import FloatArray
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.headers.contrast import contrast_evidence
from trabecula.imaging.limits import GEOMETRY
from trabecula.imaging.stacks.geometry_gate import RegularStack
from trabecula.imaging.stacks.likeness import alike
from trabecula.imaging.stacks.split import Stack


def goes_on(volume: RegularStack, stacks: Sequence[Stack]) -> tuple[Reason, ...]:
    """Return a warning where another series, made alike, lies one step beyond the first or last slice of a volume.

    The series are not joined: what is measured is one of them, and the rest of the spine may lie in the other.
    """
    own = volume.frames[0].acquisition.series_uid
    found = [stack for stack in stacks if stack.series_uid != own and _adjoins(volume, stack.frames)]
    if not found:
        return ()
    numbers = [stack.acquisition.series_number for stack in found]
    named = [
        f"series {stack.series_uid if number is None else number}" for stack, number in zip(found, numbers, strict=True)
    ]
    detail = f"{' and '.join(dict.fromkeys(named))}, one step beyond these slices"
    return (Reason(code=ReasonCode.SERIES_CONTINUES, blocking=False, series_uid=own, detail=detail),)


def _adjoins(volume: RegularStack, others: Sequence[Frame]) -> bool:
    first, other = volume.frames[0], others[0]
    made, theirs = first.acquisition, other.acquisition
    if not made.frame_of_reference_uid or made.frame_of_reference_uid != theirs.frame_of_reference_uid:
        return False
    if made.modality != theirs.modality or any(frame.position is None for frame in others):
        return False
    normal = volume.geometry.directions[:, 0]
    ours, beyond = _along(volume.frames, normal), _along(others, normal)
    gap = max(float(beyond.min() - ours.max()), float(ours.min() - beyond.max()))
    if abs(gap - volume.slice_spacing_mm) > 0.25 * volume.slice_spacing_mm:
        return False
    step = np.asarray(other.position) - np.asarray(first.position)
    if float(np.linalg.norm(step - (step @ normal) * normal)) > GEOMETRY.sideways_mm:
        return False
    if contrast_evidence(made).state is not contrast_evidence(theirs).state:
        return False
    moved = replace(other, acquisition=replace(theirs, series_uid=made.series_uid))
    return len(alike([first, moved])) == 1


def _along(frames: Sequence[Frame], normal: FloatArray) -> FloatArray:
    return np.asarray(np.array([frame.position for frame in frames], dtype=np.float64) @ normal)
