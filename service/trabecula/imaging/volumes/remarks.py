"""Remarks on the images of a volume: what their headers do not all say, and compression with loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.imaging.acquisition import Acquisition, Frame
from trabecula.imaging.headers.contrast import contrast_given

_SAME_THICKNESS = 1.05
"""Thicknesses that differ by less are one number, rounded in two ways (design)."""


def image_remarks(frames: Sequence[Frame], made: Acquisition) -> tuple[Reason, ...]:
    """Return warnings on the frames of one volume; ``made`` is what most of them say."""
    return tuple(_remarks(frames, made))


def _remarks(frames: Sequence[Frame], made: Acquisition) -> Iterator[Reason]:
    count = len(frames)
    known = sum(bool(frame.acquisition.kvp) for frame in frames)
    if made.modality == "CT" and 0 < known < count:
        yield _remark(ReasonCode.HEADERS_DIFFER, made, f"tube voltage recorded in {known} of {count} images")
    given = sum(contrast_given(frame.acquisition) for frame in frames)
    if 0 < given < count:
        yield _remark(ReasonCode.HEADERS_DIFFER, made, f"contrast agent recorded in {given} of {count} images")
    thick = sorted({frame.acquisition.slice_thickness for frame in frames if frame.acquisition.slice_thickness})
    if thick and thick[-1] > _SAME_THICKNESS * thick[0]:
        yield _remark(
            ReasonCode.HEADERS_DIFFER,
            made,
            f"Slice Thickness from {thick[0]:g} to {thick[-1]:g} mm; the largest counts",
        )
    lossy = sum(frame.lossy for frame in frames)
    if lossy:
        yield _remark(ReasonCode.LOSSY, made, "" if lossy == count else f"{lossy} of {count} images")


def _remark(code: ReasonCode, made: Acquisition, detail: str) -> Reason:
    return Reason(code=code, blocking=False, series_uid=made.series_uid, detail=detail)
