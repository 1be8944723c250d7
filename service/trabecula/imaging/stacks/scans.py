"""Scans: the acquisitions that lie in one stack of parallel frames, told apart where their ranges interpenetrate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.volume import FloatArray
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.headers.contrast import ContrastState, contrast_evidence
from trabecula.imaging.limits import GEOMETRY, STACKS
from trabecula.imaging.stacks.likeness import clusters
from trabecula.imaging.stacks.moments import apart_in_time, day_of, far_apart, moment, seconds

Parts = list[list[Frame]]
Rule = Callable[[Sequence[Frame]], Parts]


def scans(frames: Sequence[Frame]) -> Parts:
    """Return the acquisitions in frames that were made alike and lie parallel, each with a position.

    Acquisition Number, contrast agent, time and the like only propose parts. Parts that adjoin, or that fill each
    other's gaps (table steps, interleaved packages), are one scan; parts that lie between or upon each other's slices
    are several, and so are parts taken at another time (``moments.far_apart``). A value that changes from slice to
    slice proposes nothing.
    """
    found: Parts = _by_value(_frame_of_reference)(frames) or [list(frames)]
    for rule in _RULES:
        found = [scan for group in found for scan in _grouped(rule(group), group)]
    return found


@dataclass
class _Scan:
    """What has been put together so far: frames, their places along the normal, and its largest part."""

    frames: list[Frame]
    places: FloatArray
    largest: int
    contrast: set[ContrastState] = field(default_factory=set)


def along_normal(frames: Sequence[Frame]) -> FloatArray:
    """Distance of each frame along the normal of the first one, in mm."""
    orientation = np.array(frames[0].orientation, dtype=np.float64)
    normal = np.cross(orientation[:3], orientation[3:])
    normal /= np.linalg.norm(normal)
    return np.asarray(np.array([frame.position for frame in frames], dtype=np.float64) @ normal)


def _grouped(parts: Parts, group: list[Frame]) -> Parts:
    """Put parts together unless they interpenetrate; a part that would fit more than one scan stays alone.

    Where table steps overlap, the slices of the later one stand aside.
    """
    if len(parts) < 2:
        return [group]
    place = dict(zip(map(id, group), along_normal(group), strict=True))
    reach = _slice_reach(group)
    found: list[_Scan] = []
    beside: Parts = []
    for part in parts:
        ordered = sorted(part, key=lambda frame: place[id(frame)])
        places = np.array([place[id(frame)] for frame in ordered])
        new = _Scan(ordered, places, len(part), {contrast_evidence(part[0].acquisition).state})
        fitting = [scan for scan in found if not _interpenetrate(scan, new, reach)]
        if len(fitting) != 1:
            found.append(new)
            continue
        scan = fitting[0]
        twice = _surplus(scan, new, reach, strict=False)
        beside += [[frame for frame, odd in zip(new.frames, twice, strict=True) if odd]] if twice.any() else []
        scan.frames += [frame for frame, odd in zip(new.frames, twice, strict=True) if not odd]
        scan.places = np.sort(np.concatenate([scan.places, places[~twice]]))
        scan.largest = max(scan.largest, new.largest)
        scan.contrast |= new.contrast
    return [*(scan.frames for scan in found), *beside]


def _slice_reach(frames: Sequence[Frame]) -> float | None:
    """How far apart slices lie that leave no room for another between them: by thickness, or the stated distance."""
    stated = [
        max(frame.acquisition.slice_thickness or 0.0, frame.acquisition.spacing_between_slices or 0.0)
        for frame in frames
    ]
    known = [value for value in stated if value > 0]
    return float(np.median(known)) if known else None


def _interpenetrate(one: _Scan, other: _Scan, reach: float | None) -> bool:
    if far_apart(one.frames, other.frames):
        return True
    changed = one.contrast.isdisjoint(other.contrast)
    if changed and not _within(one.places, other.places) and not _within(other.places, one.places):
        return True
    strict = changed and apart_in_time(one.frames, other.frames)
    return _too_many(_surplus(one, other, reach, strict)) or _too_many(_surplus(other, one, reach, strict))


def _within(places: FloatArray, others: FloatArray) -> bool:
    """Whether most of some places lie between the first and the last of others."""
    return bool(np.mean((places > others[0]) & (places < others[-1])) > 0.5)


def _too_many(surplus: NDArray[np.bool_]) -> bool:
    """Whether more slices are surplus than where table steps overlap."""
    allowed = max(STACKS.overlap_fraction * len(surplus), 2 if len(surplus) >= 10 else 0)
    return int(surplus.sum()) > allowed


def _surplus(holder: _Scan, guest: _Scan, reach: float | None, strict: bool) -> NDArray[np.bool_]:
    """Which of the guest's slices lie upon, or in no gap of, the holder's slices."""
    nearest = GEOMETRY.duplicate_distance_mm
    held, places = holder.places, guest.places
    right = np.searchsorted(held, places)
    before = held[np.clip(right - 1, 0, len(held) - 1)]
    behind = held[np.clip(right, 0, len(held) - 1)]
    upon = np.minimum(np.abs(places - before), np.abs(behind - places)) <= nearest
    inside = (places > held[0]) & (places < held[-1])
    if holder.largest >= STACKS.part_images:
        own = float(np.median(np.diff(held)))
        width = own if reach is None or strict else reach
        upon |= inside & (behind - before <= STACKS.closed_gap * width)
    return np.asarray(upon)


def _by_value(value: Callable[[Frame], Hashable]) -> Rule:
    """Parts of one value, in the order of the values; not where most values hold too few images for a volume."""

    def rule(frames: Sequence[Frame]) -> Parts:
        of: dict[Hashable, list[Frame]] = defaultdict(list)
        for frame in frames:
            of[value(frame)].append(frame)
        return _worth([of[key] for key in sorted(of, key=_order)], len(frames))

    return rule


def _order(value: Hashable) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, (int, float)) else (-1.0, str(value))


def _worth(parts: Parts, count: int) -> Parts:
    large = sum(len(part) for part in parts if len(part) >= STACKS.part_images)
    if len(parts) < 2 or large < 0.8 * count:
        return []
    return sorted(parts, key=lambda part: len(part) < STACKS.part_images)


def _by_pause(value: Callable[[Frame], float | None]) -> Rule:
    """Parts between long pauses."""

    def rule(frames: Sequence[Frame]) -> Parts:
        known = {id(frame): here for frame in frames if (here := value(frame)) is not None}
        distinct = np.unique(list(known.values()))
        if len(known) < len(frames) or len(distinct) < 2:
            return []
        pause = max(STACKS.pause_s, STACKS.pause_factor * float(np.median(np.diff(distinct))))
        if len(distinct) == 2:
            pause = STACKS.pause_s
        labels = clusters([known[id(frame)] for frame in frames], lambda _: pause)
        number = {id(frame): label for frame, label in zip(frames, labels, strict=True)}
        return _by_value(lambda frame: number[id(frame)])(frames)

    return rule


def _by_sweep(value: Callable[[Frame], float | None]) -> Rule:
    """Parts in which places go one way while the value rises: a second scan begins where they turn back."""

    def rule(frames: Sequence[Frame]) -> Parts:
        at: dict[float, list[Frame]] = defaultdict(list)
        for frame in frames:
            here = value(frame)
            if here is None:
                return []
            at[here].append(frame)
        if len(at) < STACKS.part_images:
            return []
        place = dict(zip(map(id, frames), along_normal(frames), strict=True))
        order = sorted(at)
        means = [float(np.mean([place[id(frame)] for frame in at[here]])) for here in order]
        parts: Parts = [[]]
        way = 0.0
        for number, here in enumerate(order):
            step = means[number] - means[number - 1] if number else 0.0
            if way and step * way <= 0:
                parts.append([])
                way = 0.0
            elif number:
                way = step
            parts[-1] += at[here]
        return _worth(parts, len(frames)) if len(parts) <= STACKS.most_sweeps else []

    return rule


def _made_from(frame: Frame) -> Hashable:
    """Whether an image is original or derived, and the vendor's own values of Image Type."""
    return tuple(part.upper() for part in frame.acquisition.image_type)


def _named(frame: Frame) -> Hashable:
    made = frame.acquisition
    return (made.series_number, made.description.casefold(), made.protocol.casefold())


def _frame_of_reference(frame: Frame) -> Hashable:
    """Places in two frames of reference say nothing of each other (PS3.3 C.7.4.1): these parts are never joined."""
    return frame.acquisition.frame_of_reference_uid


def _by_repetition(frames: Sequence[Frame]) -> Parts:
    values = [frame.acquisition.repetition_time for frame in frames]
    if any(value is None for value in values):
        return []
    share = STACKS.repetition_fraction
    labels = clusters([value or 0.0 for value in values], lambda value: share * value)
    number = {id(frame): label for frame, label in zip(frames, labels, strict=True)}
    return _by_value(lambda frame: number[id(frame)])(frames)


def _numbered(frame: Frame) -> float | None:
    number = frame.acquisition.acquisition_number
    return None if number is None else float(number)


def _counted(frame: Frame) -> float | None:
    return float(frame.instance_number or frame.number or 0)


_RULES: tuple[Rule, ...] = (
    _by_value(lambda frame: contrast_evidence(frame.acquisition).state),
    _by_value(_named),
    _by_value(lambda frame: frame.acquisition.temporal_position),
    _by_value(_numbered),
    _by_sweep(_numbered),
    _by_repetition,
    _by_value(day_of),
    _by_pause(moment),
    _by_pause(lambda frame: seconds(frame.acquisition.content_time)),
    _by_value(_made_from),
    _by_sweep(_counted),
)
