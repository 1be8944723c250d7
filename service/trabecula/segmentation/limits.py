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


@dataclass(frozen=True, kw_only=True)
class OutlineLimits:
    """Table ``segmentation``: volumes in cm3, qualities as expected Dice (0 to 1), shares of a body."""

    body_cm3: tuple[float, float]
    body_usual_cm3: tuple[float, float]
    minimum_quality: float
    usual_quality: float
    metal_share: float
    main_share: float
    small_share: float
    agreement_dice: float


EQUAL_SERIES = table("gates.toml", "equal_series", EqualSeriesLimits)
OUTLINE = table("gates.toml", "segmentation", OutlineLimits)
