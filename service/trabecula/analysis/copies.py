"""Copies: images of one scan that lie at one position, told apart by their pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.analysis.acquisition import Frame
from trabecula.analysis.leaving_out import LeftOut
from trabecula.analysis.likeness import rules
from trabecula.analysis.pixels import stored_values
from trabecula.analysis.scans import along_normal
from trabecula.analysis.thresholds import data_file
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.errors import PixelDataUndecodable

Same = Callable[[Frame, Frame], bool]


def once(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[LeftOut, ...]]:
    """Return one frame for each position, and what was left out: copies, and positions with two different images.

    No frame is kept where too many positions hold different images: what belongs together cannot be known then.
    """
    order = np.argsort(along_normal(frames), kind="stable")
    ordered = [frames[int(index)] for index in order]
    places = _places(ordered)
    kept: list[Frame] = []
    copies: list[Frame] = []
    contested: list[Frame] = []
    for place in places:
        if all(same_pixels(place[0], other) for other in place[1:]):
            first = min(place, key=lambda frame: (frame.instance_number, frame.number or 0, frame.file.path))
            kept.append(first)
            copies.extend(frame for frame in place if frame is not first)
        else:
            contested.extend(place)
    if len(places) - len(kept) > float(rules()["contested_fraction"]) * len(places):
        return [], ()
    series_uid = frames[0].acquisition.series_uid
    told = []
    if copies:
        detail = f"{len(copies)} copies"
        told.append(LeftOut(tuple(copies), _reason(ReasonCode.COPIES, series_uid, detail)))
    if contested:
        detail = f"{len(contested)} images at {len(places) - len(kept)} positions that hold different images"
        told.append(LeftOut(tuple(contested), _reason(ReasonCode.SEVERAL_SCANS, series_uid, detail)))
    return kept, tuple(told)


def _reason(code: ReasonCode, series_uid: str, detail: str) -> Reason:
    return Reason(code, blocking=False, series_uid=series_uid, detail=detail)


def _places(ordered: Sequence[Frame]) -> list[list[Frame]]:
    """Frames grouped by position: those nearer than slices can be, and nearer neighbours with the same pixels."""
    along = along_normal(ordered)
    gaps = np.diff(along)
    nearest = float(data_file("gates.toml")["geometry"]["duplicate_distance_mm"])
    if not len(gaps):
        return [list(ordered)]
    usual = float(np.percentile(gaps, 75))
    groups = [[ordered[0]]]
    for frame, gap in zip(ordered[1:], gaps, strict=True):
        suspicious = gap > nearest and gap < 0.4 * usual
        if gap <= nearest or (suspicious and same_pixels(groups[-1][0], frame)):
            groups[-1].append(frame)
        else:
            groups.append([frame])
    return groups


def same_pixels(one: Frame, other: Frame) -> bool:
    """Whether two frames measure the same; False where they cannot be read.

    Stored values are compared where both are rescaled alike, else rescaled values to half a step of the coarser.
    """
    try:
        first, second = stored_values(one)[1], stored_values(other)[1]
    except PixelDataUndecodable:
        return False
    if first.shape != second.shape:
        return False
    if one.rescale == other.rescale:
        return bool(np.array_equal(first, second))
    steps = [frame.rescale[0] for frame in (one, other)]
    if one.lookup_table or other.lookup_table or None in (*one.rescale, *other.rescale):
        return False
    apart = np.abs(_measured(first, one) - _measured(second, other))
    return bool((apart <= 0.5 * max(abs(step or 1.0) for step in steps)).all())


def _measured(stored: NDArray[np.integer[Any]], frame: Frame) -> NDArray[np.float64]:
    slope, intercept = frame.rescale
    return np.asarray(stored, dtype=np.float64) * (slope or 1.0) + (intercept or 0.0)
