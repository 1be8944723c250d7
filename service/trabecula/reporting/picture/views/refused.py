"""A look at the best series that was refused, where nothing could be measured: one image, and why it was not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from scipy import ndimage

from trabecula.domain.errors import PixelDataUndecodable
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import SeriesUse, StudyResult
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.headers.frames import read_headers
from trabecula.imaging.pixels import stored_values
from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.picture.views.grey import windowed
from trabecula.reporting.series_lines import reason_words

_NO_LOOK = (ReasonCode.PATIENT_CONFLICT, ReasonCode.QUALITY_CONTROL)
"""Where the images may show two people, or a phantom, none is shown."""
_LEAST_TELLING = (
    ReasonCode.NO_SUITABLE_SERIES,
    ReasonCode.NOT_TARGET_MODALITY,
    ReasonCode.OTHER_SERIES,
    ReasonCode.UNREADABLE_PIXELS,
)
"""Reasons of localizers, screenshots and the like: another refused series shows more."""
_READ_ERRORS = (PixelDataUndecodable, InvalidDicomError, OSError, ValueError, AttributeError)


@dataclass(frozen=True, eq=False)
class RefusedLook:
    """One image of a refused series: ``grey[row, column]`` with square pixels, and why the series was not used."""

    grey: NDArray[np.uint8]
    use: SeriesUse

    def caption(self, texts: Texts = ENGLISH) -> str:
        """Return what is written below it."""
        values = {} if self.use.number is None else {"number": self.use.number}
        why = next((reason_words(reason, texts) for reason in self.use.reasons), "")
        key = "series_refused" if values else "a_series_refused"
        return texts.fill(f"{key}_why", why=why, **values) if why else texts.fill(key, **values)


def look_at_refused(result: StudyResult, files: Sequence[StoredFile]) -> RefusedLook | None:
    """Return the middle image of the best refused series; None where none can or may be shown."""
    if any(reason.code in _NO_LOOK for reason in result.reasons):
        return None
    for use in sorted(result.series_not_used, key=_rank):
        of_series = [file for file in files if file.series_uid == use.series_uid]
        image = _middle_image(of_series)
        if image is not None:
            return RefusedLook(image, use)
    return None


def _rank(use: SeriesUse) -> tuple[bool, bool, int, str]:
    telling = bool(use.reasons) and use.reasons[0].code not in _LEAST_TELLING
    return (use.modality not in ("CT", "MR"), not telling, -use.images_total, use.series_uid)


def _middle_image(files: Sequence[StoredFile]) -> NDArray[np.uint8] | None:
    frames, _, _ = read_headers(list(files))
    ordered = sorted(frames, key=_place)
    if not ordered:
        return None
    frame = ordered[len(ordered) // 2]
    try:
        _, stored = stored_values(frame)
    except _READ_ERRORS:
        return None
    if stored.ndim != 2 or min(stored.shape) < 2:
        return None
    slope, intercept = frame.rescale
    is_ct = frame.acquisition.modality == Modality.CT.value and slope is not None and intercept is not None
    values = stored.astype(np.float32)
    if is_ct:
        values = values * (slope or 1.0) + (intercept or 0.0)
    return _square(windowed(values, Modality.CT if is_ct else Modality.MR), frame.pixel_spacing)


def _place(frame: Frame) -> tuple[float, str, int]:
    """Where an image lies along the normal of its slice; the same order on every run."""
    along = 0.0
    if frame.position is not None and frame.orientation is not None:
        along = float(np.cross(frame.orientation[:3], frame.orientation[3:]) @ np.array(frame.position))
    return (round(along, 3), frame.file.sop_instance_uid, frame.number or 0)


def _square(grey: NDArray[np.uint8], spacing: tuple[float, float] | None) -> NDArray[np.uint8]:
    if spacing is None or min(spacing) <= 0 or not 0.1 < spacing[0] / spacing[1] < 10:
        return grey
    smallest = min(spacing)
    return np.asarray(ndimage.zoom(grey, (spacing[0] / smallest, spacing[1] / smallest), order=1), dtype=np.uint8)
