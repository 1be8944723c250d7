"""A place scanned twice: whether two series lie upon each other, and which of them was acquired first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trabecula.domain.volume import FloatArray, Geometry
from trabecula.imaging.acquisition import Acquisition, Frame
from trabecula.imaging.patient.headers import read_date
from trabecula.imaging.stacks.moments import seconds
from trabecula.series.limits import REPEATS

_DAY_S = 86400.0


@dataclass(frozen=True)
class Order:
    """``first`` says that the one was acquired before the other; ``certain`` that the headers' times say so and
    nothing contradicts them."""

    first: bool
    certain: bool


def same_place(one: Geometry, other: Geometry) -> bool:
    """Return whether two volumes show the same piece of the patient: turned and moved by little, of like size."""
    rules = REPEATS
    cosines = np.abs(np.sum(one.directions * other.directions, axis=0))
    if float(cosines.min()) < np.cos(np.radians(float(rules.angle_degrees))):
        return False
    if float(np.linalg.norm(_centre(one) - _centre(other))) > float(rules.distance_mm):
        return False
    sizes, others = _extent(one), _extent(other)
    return bool((np.minimum(sizes, others) >= float(rules.size_fraction) * np.maximum(sizes, others)).all())


def _centre(geometry: Geometry) -> FloatArray:
    middle = [(size - 1) / 2 for size in geometry.shape]
    return np.asarray(geometry.affine[:3, :3] @ middle + geometry.affine[:3, 3])


def _extent(geometry: Geometry) -> FloatArray:
    extent: FloatArray = np.asarray(geometry.spacing_mm) * np.asarray(geometry.shape)
    return extent


def order(one: Sequence[Frame], other: Sequence[Frame]) -> Order:
    """Return which of two series was acquired first: by date and time, else by Series Number, else by UID.

    Acquisition Time counts before Series Time and Content Time. Without a time, where both were acquired in the same
    moment (parts of one scan), or where the numbers of the series run against the times of one day, the order is not
    certain.
    """
    numbers = [part[0].acquisition.series_number for part in (one, other)]
    together = False
    ahead = numbers[1] - numbers[0] if numbers[0] is not None and numbers[1] is not None else 0
    for clock in ("acquired_at", "series_time", "content_time"):
        begins = [_begin(part, clock) for part in (one, other)]
        if begins[0] is None or begins[1] is None:
            continue
        days = [begin[0] for begin in begins if begin and begin[0]]
        later = begins[1][1] - begins[0][1] + (_DAY_S * (days[1] - days[0]) if len(days) == 2 else 0.0)
        if later:
            return Order(later > 0, not together and (ahead * later >= 0 or len(set(days)) == 2))
        together = together or clock == "acquired_at"
    days = [day for part in (one, other) if (day := min((_day(item.acquisition) for item in part), default=0))]
    if len(days) == 2 and days[0] != days[1]:
        return Order(days[0] < days[1], True)
    if ahead:
        return Order(ahead > 0, False)
    return Order(one[0].acquisition.series_uid < other[0].acquisition.series_uid, False)


def _begin(frames: Sequence[Frame], clock: str) -> tuple[int, float] | None:
    """The day (0 where unknown) and the second of it at which a series begins by one of its times."""
    found = []
    for made in {frame.acquisition for frame in frames}:
        value = str(getattr(made, clock))
        second = seconds(value)
        if second is not None:
            found.append((_day(made), second % _DAY_S))
    return min(found, default=None)


def _day(made: Acquisition) -> int:
    day = read_date(made.acquired_at) or read_date(made.acquired_on)
    return day.toordinal() if day else 0
