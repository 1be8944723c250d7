"""The account of images: how many of each series a result used, of how many received, and why the others not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole, SeriesUse
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import SeriesUid
from trabecula.imaging.acquisition import Frame, consensus
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.series.choice import Candidate, Choice, ranked_lower

Key = tuple[str, int | None]


def series_uses(
    frames: Sequence[Frame],
    unreadable: Sequence[StoredFile],
    choice: Choice,
    measured: Mapping[SeriesRole, Candidate],
    tried: Iterable[LeftOut],
) -> tuple[tuple[SeriesUse, ...], tuple[SeriesUse, ...]]:
    """Return the series a result used and those it did not, in order of their numbers.

    An image is a frame: a single-frame instance, or each frame of a multi-frame one; ``frames``
    hold no instance twice (``copies.distinct``), so that different images under one SOP Instance UID count each.
    """
    why = _reasons(choice, measured, tried)
    used: list[SeriesUse] = []
    unused: list[SeriesUse] = []
    for uid, images in _by_series(frames).items():
        damaged = [file for file in unreadable if file.series_uid == uid]
        keys = dict.fromkeys(map(_key, images))
        taken = {role: _keys_of(item.stack.frames) for role, item in measured.items() if item.series_uid == uid}
        everything: set[Key] = set().union(*taken.values())
        rest = _counted([key for key in keys if key not in everything], why[uid], _damaged(uid, damaged))
        made = consensus([frame.acquisition for frame in images])
        use = SeriesUse(
            series_uid=uid,
            number=made.series_number,
            description=made.description,
            modality=made.modality,
            images_used=0,
            images_total=len(keys) + len(damaged),
            reasons=rest,
        )
        used.extend(replace(use, role=role, images_used=len(own)) for role, own in taken.items())
        if not taken:
            unused.append(use)
    unused.extend(_without_images(frames, unreadable))
    order = list(SeriesRole)
    used.sort(key=lambda use: order.index(use.role or SeriesRole.CT))
    unused.sort(key=lambda use: (use.number or 0, use.series_uid))
    return tuple(used), tuple(unused)


def _by_series(frames: Sequence[Frame]) -> dict[SeriesUid, list[Frame]]:
    found: dict[SeriesUid, list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.rows or frame.acquisition.modality in ("CT", "MR"):
            found[frame.acquisition.series_uid].append(frame)
    return found


def _key(frame: Frame) -> Key:
    return frame.file.path, frame.number


def _keys_of(frames: Iterable[Frame]) -> set[Key]:
    return set(map(_key, frames))


def _reasons(
    choice: Choice, measured: Mapping[SeriesRole, Candidate], tried: Iterable[LeftOut]
) -> dict[str, list[LeftOut]]:
    """Why images of each series were not used, the most telling first."""
    found: dict[str, list[LeftOut]] = defaultdict(list)
    others = [LeftOut(item.stack.frames, _lower(item, measured)) for item in choice.candidates]
    within = [more for item in (*measured.values(), *choice.candidates) for more in item.stack.left_out]
    for item in (*within, *tried, *choice.left_out, *others):
        found[item.reason.series_uid].append(item)
    return found


def _lower(candidate: Candidate, measured: Mapping[SeriesRole, Candidate]) -> Reason:
    best = measured.get(candidate.role)
    detail = "" if best is None else ranked_lower(best, candidate)
    return Reason(code=ReasonCode.OTHER_SERIES, blocking=False, series_uid=candidate.series_uid, detail=detail)


def _damaged(uid: SeriesUid, files: Sequence[StoredFile]) -> tuple[Reason, ...]:
    if not files:
        return ()
    detail = f"{len(files)} images whose headers cannot be read, SOP Instance UID {files[0].sop_instance_uid}"
    return (Reason(code=ReasonCode.UNREADABLE_PIXELS, blocking=False, series_uid=uid, detail=detail),)


def _counted(rest: Sequence[Key], why: Sequence[LeftOut], more: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """One reason for each kind of image left out, with their number; every image is counted once."""
    waiting = set(rest)
    counts: dict[Reason, int] = {}
    for item in why:
        own = _keys_of(item.frames) & waiting
        if own:
            reason = replace(item.reason, blocking=False)
            counts[reason] = counts.get(reason, 0) + len(own)
            waiting -= own
    total = len(rest)
    told = [
        reason if count == total and not more else replace(reason, detail=_with_number(reason.detail, count))
        for reason, count in counts.items()
    ]
    return (*told, *more)


def _with_number(detail: str, count: int) -> str:
    """The detail with the number of images it speaks of, which it may tell itself (``1 of 96 images, ...``)."""
    if detail.startswith(f"{count} ") or re.search(rf"\b{count} of \d+ images\b", detail):
        return detail
    number = f"{count} image{'s' if count > 1 else ''}"
    return f"{number}: {detail}" if detail else number


def _without_images(frames: Sequence[Frame], unreadable: Sequence[StoredFile]) -> list[SeriesUse]:
    """Series of which no file could be read."""
    known = {frame.acquisition.series_uid for frame in frames}
    lost: dict[SeriesUid, list[StoredFile]] = defaultdict(list)
    for file in unreadable:
        if file.series_uid not in known:
            lost[file.series_uid].append(file)
    return [
        SeriesUse(
            series_uid=uid,
            number=None,
            description="",
            modality="",
            images_used=0,
            images_total=len(files),
            reasons=_damaged(uid, files),
        )
        for uid, files in lost.items()
    ]
