"""Moments: when frames were acquired, and whether parts of a series lie too far apart in time to be one scan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np

from trabecula.domain.volume import FloatArray
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.limits import STACKS

_DAY_S = 86400.0
_SHORT_HOUR = re.compile(r"^(?=\d:\d\d|\d{5}(?!\d))")
_TIME = re.compile(r"^(?:(\d{8}))?(\d{2})(\d{2})?(\d{2}(?:\.\d+)?)?")
_DATE = re.compile(r"^(\d{4})(\d{2})(\d{2})")


def moment(frame: Frame) -> float | None:
    """Seconds at which a frame was acquired (with days, where a date is part of it), or None."""
    return seconds(frame.acquisition.acquired_at)


def seconds(text: str) -> float | None:
    """Return the seconds of a DICOM time or date-time; separators, and an hour of one digit, are allowed."""
    plain = re.sub(r"[:\-\s]", "", _SHORT_HOUR.sub("0", text.strip()))
    found = _TIME.match(plain)
    if found is None or re.fullmatch(r"\d{8}", plain):  # nothing, or a date alone
        return None
    day, hour, minute, second = found.groups()
    days = 0 if day is None else _day(day) or 0
    return days * _DAY_S + int(hour) * 3600 + int(minute or 0) * 60 + float(second or 0)


def apart_in_time(one: Sequence[Frame], other: Sequence[Frame]) -> bool:
    """Whether another sign than the contrast agent says that these are two scans."""
    numbers = [{frame.acquisition.acquisition_number for frame in part} for part in (one, other)]
    if numbers[0].isdisjoint(numbers[1]):
        return True
    times = [[value for frame in part if (value := moment(frame)) is not None] for part in (one, other)]
    if not all(times):
        return False
    return max(min(times[1]) - max(times[0]), min(times[0]) - max(times[1])) > STACKS.long_pause_s


def far_apart(one: Sequence[Frame], other: Sequence[Frame]) -> bool:
    """Whether two parts were acquired so far apart that they are no one scan, however well they adjoin.

    On CT that is more than a few minutes between their nearest images, on MR, whose packages take their time, more
    than an hour and another date. Midnight parts nothing. Other dates without times are other scans; a part without
    any time of acquisition, where dates do not differ, proves nothing.
    """
    days = [{day for frame in part if (day := day_of(frame)) is not None} for part in (one, other)]
    dated = all(day_of(frame) is not None for part in (one, other) for frame in part)
    another_day = all(days) and days[0].isdisjoint(days[1])
    ct = one[0].acquisition.modality == "CT"
    if not ct and not another_day:
        return False
    first, second = (_times(part, dated=dated) for part in (one, other))
    if not len(first) or not len(second):
        return another_day
    apart = np.abs(first[:, None] - second[None, :])
    if not dated:  # times of day: 23:59 and 00:01 are two minutes apart
        if another_day:
            return True
        apart = np.minimum(apart, _DAY_S - apart)
    return float(apart.min()) > (STACKS.ct_apart_s if ct else STACKS.mr_apart_s)


def _times(frames: Sequence[Frame], *, dated: bool) -> FloatArray:
    """Different times of acquisition in seconds: with the days where all frames are dated, else times of day."""
    found = set()
    for frame in frames:
        time = moment(frame)
        if time is not None:
            day = day_of(frame) if dated else None
            found.add(time % _DAY_S + (day or 0) * _DAY_S)
    return np.array(sorted(found), dtype=np.float64)


def day_of(frame: Frame) -> int | None:
    """Number of the day on which a frame was acquired, or None."""
    both = re.sub(r"[:\-\s]", "", frame.acquisition.acquired_at)
    with_time = _day(both) if re.match(r"\d{10}", both) else None
    return with_time or _day(re.sub(r"[:./\-\s]", "", frame.acquisition.acquired_on))


def _day(text: str) -> int | None:
    """Number of the day, or None for what is no date."""
    found = _DATE.match(text)
    try:
        return date(*map(int, found.groups())).toordinal() if found else None
    except ValueError:
        return None
