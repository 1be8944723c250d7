"""Contradictions: the same images, in one series twice, whose headers differ in what the measured value hangs on."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.limits import STACKS
from trabecula.imaging.pixels import Cache
from trabecula.imaging.stacks.likeness import Groups
from trabecula.imaging.stacks.sameness import images_of, one_place, shows_something
from trabecula.imaging.stacks.scans import along_normal

_LOOKED_AT = 5
"""Pairs of images whose pixels are compared, spread over the places that two groups share (design): scans of one
place differ in each of them by noise."""


def contradictions(groups: Groups) -> Mapping[int, Reason]:
    """Return why a group of frames cannot be measured, by its index: another group holds the same images.

    ``groups`` were made alike each (``likeness.alike``). Tube voltage, echo and inversion time and b-value say what a
    value means; where copies of the same images state two of them, which one is true cannot be known. Places are
    compared first, so that pixels of groups that lie apart are never read.
    """
    found: dict[int, Reason] = {}
    of_series: dict[object, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        if len(group) >= STACKS.part_images and all(_is_placed(frame) for frame in group):
            of_series[group[0].acquisition.series_uid, group[0].rows, group[0].columns].append(index)
    for numbers in of_series.values():
        cache: Cache = {}
        for one, other in combinations(numbers, 2):
            detail = _stated_twice(groups[one], groups[other])
            if detail and _the_same_images(groups[one], groups[other], cache):
                series_uid = groups[one][0].acquisition.series_uid
                reason = Reason(code=ReasonCode.HEADERS_DIFFER, series_uid=series_uid, detail=detail)
                found[one] = found[other] = reason
    return found


def _is_placed(frame: Frame) -> bool:
    return frame.position is not None and frame.orientation is not None and frame.pixel_spacing is not None


def _stated_twice(one: Sequence[Frame], other: Sequence[Frame]) -> str:
    """Which deciding value two groups state differently, in words; empty where none."""
    for words, unit, value, tolerance in _DECIDING:
        first, second = value(one[0]), value(other[0])
        if first and second and not math.isclose(first, second, rel_tol=_RELATIVE, abs_tol=tolerance):
            low, high = sorted((first, second))
            return f"the same images are recorded with {words} of {low:g} and of {high:g} {unit}"
    return ""


_RELATIVE = STACKS.time_fraction
_Value = Callable[[Frame], float | None]
_DECIDING: tuple[tuple[str, str, _Value, float], ...] = (
    ("a tube voltage", "kV", lambda frame: frame.acquisition.kvp, STACKS.voltage_kv),
    ("an echo time", "ms", lambda frame: frame.acquisition.echo_time, STACKS.time_ms),
    ("an inversion time", "ms", lambda frame: frame.acquisition.inversion_time, STACKS.time_ms),
    ("a b-value", "s/mm2", lambda frame: frame.acquisition.b_value, STACKS.b_value),
)


def _the_same_images(one: Sequence[Frame], other: Sequence[Frame], cache: Cache) -> bool:
    """Whether the groups share most places of the smaller one and measure the same in those that are looked at."""
    few, many = sorted((one, other), key=len)
    pairs = list(_at_one_place(few, many))
    if 2 * len(pairs) < len(few):
        return False
    step = max(1, len(pairs) // _LOOKED_AT)
    compared = 0
    for first, second in pairs[step // 2 :: step]:
        if not shows_something(first, cache):
            continue
        if len(images_of((first, second), one_place, cache)) != 1:
            return False
        compared += 1
    return compared > 0


def _at_one_place(few: Sequence[Frame], many: Sequence[Frame]) -> Iterator[tuple[Frame, Frame]]:
    """Each frame of the first with the nearest of the others, where both lie at one place."""
    places = along_normal([*few, *many])
    order = np.argsort(places[len(few) :], kind="stable")
    held = places[len(few) :][order]
    for frame, place in zip(few, places, strict=False):
        right = int(np.searchsorted(held, place))
        near = [index for index in (right - 1, right) if 0 <= index < len(held)]
        nearest = many[int(order[min(near, key=lambda index: abs(held[index] - place))])]
        if one_place(frame, nearest):
            yield frame, nearest
