"""Copies: images of one scan that lie at one position, told apart by their pixels."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.analysis.acquisition import Frame
from trabecula.analysis.leaving_out import LeftOut
from trabecula.analysis.likeness import rules
from trabecula.analysis.pixels import Cache, stored_values
from trabecula.analysis.scans import along_normal
from trabecula.analysis.thresholds import data_file
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.errors import PixelDataUndecodable

Same = Callable[[Frame, Frame], bool]


def distinct(frames: Iterable[Frame]) -> list[Frame]:
    """Return the frames without files that were given twice, in their order.

    The same instance of the same series at the same place, with the same pixels, is the same image. Of one that was
    also sent damaged the readable file stays; where the pixels differ all stay. Pixels of repeated ones only are read.
    """
    groups: dict[object, list[Frame]] = defaultdict(list)
    for frame in frames:
        instance = (frame.acquisition.series_uid, frame.file.sop_instance_uid, frame.number)
        groups[(*instance, frame.position, frame.orientation)].append(frame)
    cache: Cache = {}
    return [kept for group in groups.values() for kept in (group if len(group) == 1 else _different(group, cache))]


def ambiguous(frames: Iterable[Frame]) -> set[tuple[str, int | None]]:
    """Return the SOP Instance UIDs (and frame numbers) under which different images lie: they name none.

    ``frames`` hold no instance twice.
    """
    groups: dict[tuple[str, int | None], list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.file.sop_instance_uid, frame.number].append(frame)
    cache: Cache = {}
    return {
        name
        for name, group in groups.items()
        if len(group) > 1 and (len({frame.position for frame in group}) > 1 or len(_different(group, cache)) > 1)
    }


def _different(repeated: Sequence[Frame], cache: Cache) -> list[Frame]:
    """One frame for each different image among files that say they are one instance."""
    files: dict[bytes, Frame] = {}
    for frame in repeated:
        files.setdefault(_digest_of_file(frame.file.path), frame)
    if len(files) == 1:
        return list(files.values())
    images: dict[object, Frame] = {}
    for frame in files.values():
        try:
            stored = stored_values(frame, cache)[1]
        except PixelDataUndecodable:
            continue
        pixels = hashlib.sha256(stored.astype(np.int64).tobytes()).digest()
        images.setdefault((pixels, stored.shape, frame.rescale, frame.lookup_table), frame)
    return list(images.values()) or list(repeated[:1])


def _digest_of_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b""


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
