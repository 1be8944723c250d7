"""The limits of segmentation, from data/gates.toml; each has its source there."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.data import table


@dataclass(frozen=True)
class EqualSeriesLimits:
    """Table ``equal_series``."""

    tissue_hu: tuple[float, float]
    difference_hu: float
    difference_fraction: float


EQUAL_SERIES = table("gates.toml", "equal_series", EqualSeriesLimits)
