"""Turns: whether the slices of an MR volume take turns in brightness, as two scans or two gains mixed in one do.

Sagittal series have few slices and change from each to the next. What tells turns apart is the logarithm of the ratio
of neighbours, pixel by pixel: its median over a slice changes slowly with the anatomy, and by the period of the turns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from trabecula.domain.volume import FloatArray
from trabecula.imaging.limits import TURNS

_SIDE_PIXELS = 100
"""Rows looked at, about."""
_PERIODS = (2, 3, 4)
_CLASSES = 4
"""All pixels, and those of the dark, the middle and the bright third: scans of other contrast differ in one of them."""


@dataclass(frozen=True)
class Turns:
    """Every how many slices the brightness comes back, and the ratio of the brightest to the darkest of them."""

    period: int
    ratio: float


def turns(array: NDArray[np.float32]) -> Turns | None:
    """Return the turns in which the slices ``[slice, row, column]`` of an MR volume are brighter, or None.

    A smooth trend is fitted to the steps from slice to slice, with and without a level for each slice of a period; the
    F test of the two must be significant and the levels must differ. Limits: [turns] of gates.toml.
    """
    limits = TURNS
    steps = _steps(array)
    for period in _PERIODS:
        found = [_levels(steps[:, column], period) for column in range(_CLASSES)]
        clear = [levels for chance, levels in found if chance < limits.chance_below]
        ratio = math.exp(max(clear, default=0.0))
        if ratio >= limits.told_ratio:
            return Turns(period, ratio)
    return None


def _steps(array: NDArray[np.float32]) -> FloatArray:
    """Median logarithm of the ratio to the slice before, ``[slice - 1, class]``; NaN where hardly anything is seen."""
    stride = max(1, min(array.shape[1:]) // _SIDE_PIXELS)
    size = 2 * stride + 1
    thin = np.stack([ndimage.uniform_filter(part.astype(np.float32), size)[::stride, ::stride] for part in array])
    least = TURNS.tissue_fraction * float(np.percentile(thin, 99))
    return np.array([list(_medians(before, after, least)) for before, after in pairwise(thin)]).reshape(-1, _CLASSES)


def _medians(before: NDArray[np.float32], after: NDArray[np.float32], least: float) -> Iterator[float]:
    seen = (before > max(least, 1e-6)) & (after > max(least, 1e-6))
    if seen.sum() < TURNS.minimum_pixels:
        yield from [math.nan] * _CLASSES
        return
    ratio, middle = np.log(after[seen] / before[seen]), (before[seen] + after[seen]) / 2
    low, high = np.quantile(middle, [1 / 3, 2 / 3])
    for chosen in (middle > 0, middle < low, (middle >= low) & (middle < high), middle >= high):
        yield float(np.median(ratio[chosen])) if chosen.any() else math.nan


def _levels(steps: FloatArray, period: int) -> tuple[float, float]:
    """How likely steps so regular are by chance, and by how much the levels of a period differ (logarithm)."""
    index = np.arange(len(steps))
    centred = index - index.mean()
    trend = [np.ones(len(steps)), centred, centred**2]
    smooth = np.stack(trend if len(steps) >= _PARABOLA_FROM else trend[:2], axis=1)
    changes = np.zeros((len(steps), period))
    changes[index, (index + 1) % period] += 1
    changes[index, index % period] -= 1
    both = np.concatenate([smooth, changes[:, :-1]], axis=1)
    known = np.isfinite(steps)
    free = int(known.sum()) - both.shape[1]
    if free < _FREE:
        return 1.0, 0.0
    plain, _ = _fit(smooth[known], steps[known])
    rest, coefficients = _fit(both[known], steps[known])
    ratio = (plain - rest) / (period - 1) / (rest / free + 1e-12)
    levels = np.append(coefficients[smooth.shape[1] :], 0.0)
    return float(special.fdtrc(period - 1, free, max(0.0, ratio))), float(levels.max() - levels.min())


_PARABOLA_FROM = 12
"""Steps from which on the trend may bend."""
_FREE = 3
"""Degrees of freedom below which nothing is said."""


def _fit(terms: FloatArray, steps: FloatArray) -> tuple[float, FloatArray]:
    """Sum of squares that remains, and the coefficients."""
    coefficients: FloatArray = np.linalg.lstsq(terms, steps, rcond=None)[0].astype(np.float64)
    return float(((steps - terms @ coefficients) ** 2).sum()), coefficients
