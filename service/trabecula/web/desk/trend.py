"""A value of one person over the years as a small line chart: places in its own units, drawn by a template as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 560, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 30, 16, 30
_ROOM = 0.15
"""Empty share of the range above and below the values, so that their labels have a place."""


@dataclass(frozen=True)
class TrendPoint:
    """A study's value: where it lies, what is written beside it, and whether it is the study that is shown."""

    x: int
    y: int
    day: date
    label: str
    study_uid: str
    current: bool


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A chart with its title and the points from left to right."""

    title: str
    unit: str
    points: tuple[TrendPoint, ...]

    @property
    def line(self) -> str:
        """The points as an SVG polyline has them."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)

    @property
    def words(self) -> str:
        """The chart in words, for who cannot see it."""
        told = ", ".join(f"{point.day} {point.label} {self.unit}".strip() for point in self.points)
        return f"{self.title}: {told}"


def trend(
    title: str, unit: str, values: Sequence[tuple[date, float, str]], current: str, digits: int = 0
) -> Trend | None:
    """Return the chart of (day, value, study UID); None for fewer than two days, which are no trend."""
    ordered = sorted(values)
    if len({day for day, _, _ in ordered}) < 2:
        return None
    first, last = ordered[0][0].toordinal(), ordered[-1][0].toordinal()
    lowest, highest = min(value for _, value, _ in ordered), max(value for _, value, _ in ordered)
    spread = (highest - lowest) or max(abs(highest), 1.0) * 0.2
    bottom, height = lowest - _ROOM * spread, (1 + 2 * _ROOM) * spread

    def place(day: date, value: float) -> tuple[int, int]:
        across = (day.toordinal() - first) / (last - first)
        up = (value - bottom) / height
        return (
            round(_LEFT + across * (WIDTH - _LEFT - _RIGHT)), round(HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM))
        )  # fmt: skip

    points = tuple(
        TrendPoint(*place(day, value), day, f"{value:.{digits}f}", study_uid, study_uid == current)
        for day, value, study_uid in ordered
    )
    return Trend(title=title, unit=unit, points=points)
