"""Likeness: which frames of a series were made alike, by headers compared with tolerances that have a reason."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from scipy.sparse.csgraph import connected_components

from trabecula.imaging.acquisition import Frame
from trabecula.imaging.limits import GEOMETRY, STACKS

Groups = list[list[Frame]]


def alike(frames: Iterable[Frame]) -> Groups:
    """Split frames by what makes images of different kinds: matrix, plane, echo, b-value, voltage, kernel, kind.

    Numbers are clustered by the gaps between them, never rounded to a grid. An empty value joins those that are the
    same in everything before it, where these agree.
    """
    groups = _by(frames, _exactly)
    groups = [part for group in groups for part in _parallel(group)]
    groups = [part for group in groups for part in _by(group, kind_of_image)]
    for tolerance, values in _NUMBERS:
        groups = [part for group in groups for part in _clustered(group, values, tolerance)]
    for word in _WORDS:
        groups = [part for group in groups for part in _with_empty(_by(group, word), word)]
    return groups


def clusters(values: Sequence[float], tolerance: Callable[[float], float]) -> list[int]:
    """Return the cluster of each value, counted from the smallest: neighbours nearer than the tolerance share one."""
    distinct = sorted(set(values))
    number, of = 0, {distinct[0]: 0} if distinct else {}
    for before, here in pairwise(distinct):
        number += here - before > tolerance(here) + 1e-9
        of[here] = number
    return [of[value] for value in values]


def _by(frames: Iterable[Frame], key: Callable[[Frame], Hashable]) -> Groups:
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return list(groups.values())


def _exactly(frame: Frame) -> Hashable:
    made = frame.acquisition
    placed = frame.position is not None and frame.orientation is not None and frame.pixel_spacing is not None
    size = (frame.rows, frame.columns, made.samples_per_pixel)
    return (made.series_uid, made.modality, made.sop_class_uid, size, placed, made.burned_in, made.quality_control)


def _parallel(frames: list[Frame]) -> Groups:
    """Split by orientation; each is within the tolerance of another of its group."""
    oriented = [frame.orientation for frame in frames if frame.orientation is not None]
    if len(oriented) < len(frames):
        return [frames]
    distinct = list(dict.fromkeys(oriented))
    if len(distinct) == 1:
        return [frames]
    if len(distinct) > _MOST_ORIENTATIONS:
        distinct = list(dict.fromkeys(_coarse(item) for item in distinct))[:_MOST_ORIENTATIONS]
    degrees = GEOMETRY.orientation_tolerance_degrees
    table = np.array(distinct)
    same = np.minimum(table[:, :3] @ table[:, :3].T, table[:, 3:] @ table[:, 3:].T) >= math.cos(math.radians(degrees))
    _, labels = connected_components(same, directed=False)
    of = {cosines: int(label) for cosines, label in zip(distinct, labels, strict=True)}
    return _by(frames, lambda frame: _label(frame, of))


_MOST_ORIENTATIONS = 2000
Cosines = tuple[float, float, float, float, float, float]


def _label(frame: Frame, of: Mapping[Cosines, int]) -> int:
    here = frame.orientation
    assert here is not None
    return of.get(here, of.get(_coarse(here), -1))


def _coarse(cosines: Cosines) -> Cosines:
    a, b, c, d, e, f = (round(value, 3) for value in cosines)
    return (a, b, c, d, e, f)


def _clustered(
    frames: list[Frame], value: Callable[[Frame], float | None], tolerance: Callable[[float], float]
) -> Groups:
    known = [frame for frame in frames if value(frame) is not None]
    if not known:
        return [frames]
    numbers = clusters([value(frame) or 0.0 for frame in known], tolerance)
    of = {id(frame): number for frame, number in zip(known, numbers, strict=True)}
    only = numbers[0] if len(set(numbers)) == 1 else None
    return _by(frames, lambda frame: of.get(id(frame), only))


def _with_empty(groups: Groups, key: Callable[[Frame], Hashable]) -> Groups:
    """Join the group whose value is empty to the only other one."""
    if len(groups) == 2 and any(not key(group[0]) for group in groups):
        return [_in_order([*groups[0], *groups[1]])]
    return groups


def _in_order(frames: list[Frame]) -> list[Frame]:
    return sorted(frames, key=lambda frame: (frame.file.path, frame.number or 0))


def _time(value: float) -> float:
    """Times in ms: an absolute or a relative tolerance, the larger one."""
    return max(STACKS.time_ms, STACKS.time_fraction * abs(value))


_NUMBERS: tuple[tuple[Callable[[float], float], Callable[[Frame], float | None]], ...] = (
    (
        lambda value: STACKS.pixel_spacing_fraction * value,
        lambda frame: frame.pixel_spacing[0] if frame.pixel_spacing else None,
    ),
    (
        lambda value: STACKS.pixel_spacing_fraction * value,
        lambda frame: frame.pixel_spacing[1] if frame.pixel_spacing else None,
    ),
    (_time, lambda frame: frame.acquisition.echo_time or None),
    (_time, lambda frame: frame.acquisition.inversion_time or None),
    (lambda _: STACKS.b_value, lambda frame: frame.acquisition.b_value),
    (lambda _: STACKS.voltage_kv, lambda frame: frame.acquisition.kvp or None),
)


def _kernel(frame: Frame) -> str:
    """The vendor's name of the kernel, which is its first value; further values are its parameters."""
    return frame.acquisition.kernel[0].casefold() if frame.acquisition.kernel else ""


def _unit(frame: Frame) -> str:
    """Rescale Type of CT, where other units than Hounsfield's are other images; on MR it says nothing."""
    made = frame.acquisition
    kind = made.rescale_type.upper()
    return "" if made.modality != "CT" or kind in ("US", "UNSPECIFIED") else kind


def _sequence(frame: Frame) -> frozenset[str]:
    return frozenset(part.upper() for part in frame.acquisition.scanning_sequence)


def kind_of_image(frame: Frame) -> frozenset[str]:
    """The values of Image Type that name a kind of image (Dixon, phase, projection, localizer, ...), in one spelling.

    Other values from the third on are the vendor's own, and tear nothing apart.
    """
    names = _kind_names()
    found: set[str] = set()
    for value in frame.acquisition.image_type[2:]:
        whole = value.strip().upper()
        if frame.acquisition.modality != "MR" and len(whole) < 3:
            continue
        for part in (whole,) if whole in names else re.split(r"[\s_/-]+", whole):
            if part in names and (part == whole or len(part) > 2):
                found.add(names[part])
    return frozenset(found)


@cache
def _kind_names() -> Mapping[str, str]:
    """Every known spelling, with the kind it stands for."""
    table = STACKS.image_kinds
    return {spelling: kind for kind, spellings in table.items() if kind != "source" for spelling in spellings}


_WORDS: tuple[Callable[[Frame], Hashable], ...] = (_kernel, _unit, _sequence)
