"""Copies: images that lie more than once at one position of a series, told apart by what they measure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.uids import SeriesUid
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.limits import GEOMETRY, STACKS
from trabecula.imaging.pixels import Cache
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.stacks.sameness import foremost, images_of, one_place, same_pixels, shows_something
from trabecula.imaging.stacks.scans import along_normal

Name = tuple[str, int | None]


def distinct(frames: Iterable[Frame]) -> list[Frame]:
    """Return the frames without files that were given twice, in their order.

    The same instance of the same series at the same place that measures the same is the same image, however it is
    stored. Of one that was also sent damaged the readable file stays; where the values differ all stay. Pixels of
    repeated ones only are read.
    """
    groups: dict[object, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.acquisition.series_uid, frame.file.sop_instance_uid, frame.number].append(frame)
    cache: Cache = {}
    return [kept for group in groups.values() for kept in (group if len(group) == 1 else _different(group, cache))]


def ambiguous(frames: Iterable[Frame]) -> set[Name]:
    """Return the SOP Instance UIDs (and frame numbers) under which different images lie: they name none.

    ``frames`` hold no instance twice.
    """
    groups: dict[Name, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.file.sop_instance_uid, frame.number].append(frame)
    cache: Cache = {}
    return {name for name, group in groups.items() if len(group) > 1 and len(_different(group, cache)) > 1}


def _different(repeated: Sequence[Frame], cache: Cache) -> list[Frame]:
    """One frame for each different image among files that say they are one instance, in their order.

    A file that cannot be read is an image only where no readable one lies at its place.
    """
    files: dict[object, Frame] = {}
    for frame in repeated:
        files.setdefault((_digest_of_file(frame.file.path), frame.position, frame.orientation), frame)
    images = images_of(files.values(), one_place, cache)
    kept = {id(foremost(copies)) for copies in images}
    read = {id(frame) for copies in images for frame in copies}
    damaged: dict[object, Frame] = {}
    for frame in files.values():
        if id(frame) not in read and not any(one_place(copies[0], frame) for copies in images):
            damaged.setdefault((frame.position, frame.orientation), frame)
    kept |= set(map(id, damaged.values()))
    return [frame for frame in files.values() if id(frame) in kept]


def _digest_of_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b""


def folded(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[LeftOut, ...]]:
    """Return one frame for each image, and its further copies: placed frames of one series, made alike and parallel.

    Copies lie at one place and measure the same, whatever else their headers say: Image Type, numbers and times of a
    copy may be those of the copying. They are folded before scans are told apart, so that a scan never loses slices to
    its own copies. Empty images, and those of two frames of reference or two temporal positions, are no copies.
    """
    order = np.argsort(along_normal(frames), kind="stable")
    ordered = [frames[int(index)] for index in order]
    nearest = GEOMETRY.duplicate_distance_mm
    breaks = np.flatnonzero(np.diff(along_normal(frames)[order]) > nearest) + 1
    cache: Cache = {}
    gone: set[int] = set()
    for part in np.split(np.arange(len(ordered)), breaks):
        place = [ordered[int(index)] for index in part]
        if not any(_may_be_copies(one, other) for one, other in combinations(place, 2)):
            continue
        for copies in images_of(place, _may_be_copies, cache):
            if len(copies) > 1 and shows_something(copies[0], cache):
                kept = foremost(copies)
                gone |= {id(frame) for frame in copies if frame is not kept}
    copied = tuple(frame for frame in frames if id(frame) in gone)
    if not copied:
        return list(frames), ()
    reason = _reason(ReasonCode.COPIES, frames[0].acquisition.series_uid, f"{len(copied)} copies")
    return [frame for frame in frames if id(frame) not in gone], (LeftOut(copied, reason),)


def _may_be_copies(one: Frame, other: Frame) -> bool:
    first, second = one.acquisition, other.acquisition
    references = {first.frame_of_reference_uid, second.frame_of_reference_uid} - {""}
    same = len(references) < 2 and first.temporal_position == second.temporal_position
    return same and one_place(one, other)


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
            first = foremost(place)
            kept.append(first)
            copies.extend(frame for frame in place if frame is not first)
        else:
            contested.extend(place)
    if len(places) - len(kept) > STACKS.contested_fraction * len(places):
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


def _reason(code: ReasonCode, series_uid: SeriesUid, detail: str) -> Reason:
    return Reason(code=code, blocking=False, series_uid=series_uid, detail=detail)


def _places(ordered: Sequence[Frame]) -> list[list[Frame]]:
    """Frames grouped by position: those nearer than slices can be, and nearer neighbours with the same pixels."""
    along = along_normal(ordered)
    gaps = np.diff(along)
    nearest = GEOMETRY.duplicate_distance_mm
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
