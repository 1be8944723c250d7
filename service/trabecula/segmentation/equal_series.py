"""Equal series: another one that would do as well as the measured one, and whose values are not the same.

Two kernels, or two parts of a Dixon scan, that no header names: nothing but their number decides between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trabecula.domain.errors import PixelDataUndecodable
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.volume import FloatArray, Geometry
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.volumes.dicom import load_volume
from trabecula.segmentation.limits import EQUAL_SERIES
from trabecula.series.choice import Candidate, equal_rank

_LOOKED_AT = 3
"""Slices compared: a kernel or a contrast shows in each."""


def equal_series(measured: Candidate, others: Sequence[Candidate]) -> tuple[Reason, ...]:
    """Return a warning where series that rank like the measured one show the same places with other values."""
    told = [other for other in others if equal_rank(measured, other) and _differ(measured, other)]
    if not told:
        return ()
    named = ", ".join(sorted({str(other.acquisition.series_number or other.series_uid) for other in told}))
    own = measured.acquisition.series_number or measured.series_uid
    detail = f"series {own} is measured; at the same places, with other values: {named}"
    return (Reason(code=ReasonCode.EQUAL_SERIES, blocking=False, series_uid=measured.series_uid, detail=detail),)


def _differ(one: Candidate, other: Candidate) -> bool:
    """Whether slices at the same places differ by more than [equal_series] of gates.toml allows."""
    by_place = {_place(frame): frame for frame in other.stack.frames}
    pairs = [(frame, by_place[_place(frame)]) for frame in one.stack.frames if _place(frame) in by_place]
    if 2 * len(pairs) < len(one.stack.frames):
        return False
    shown = [pairs[len(pairs) * (number + 1) // (_LOOKED_AT + 1)] for number in range(_LOOKED_AT)]
    try:
        first, second = (_values(item, [pair[side] for pair in shown]) for side, item in enumerate((one, other)))
    except PixelDataUndecodable:
        return False
    bounds = EQUAL_SERIES
    if one.acquisition.modality == Modality.CT.value:
        low, high = bounds.tissue_hu
        tissue = (first > low) & (first < high)
        return bool(tissue.any()) and float(np.sqrt(np.mean((first - second)[tissue] ** 2))) > bounds.difference_hu
    return float(np.mean(np.abs(first - second))) > bounds.difference_fraction * float(np.mean(np.abs(first)))


def _place(frame: Frame) -> tuple[object, ...]:
    """Position and pixels of a frame, in tenths of a millimetre."""
    lengths = (*(frame.position or ()), *(frame.pixel_spacing or ()))
    return (frame.rows, frame.columns, *(round(10 * value) for value in lengths))


def _values(candidate: Candidate, frames: Sequence[Frame]) -> FloatArray:
    geometry = candidate.stack.geometry
    part = replace(
        candidate.stack, frames=tuple(frames), geometry=Geometry((len(frames), *geometry.shape[1:]), geometry.affine)
    )
    return np.asarray(load_volume(part).array, dtype=np.float64)
