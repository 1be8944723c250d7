"""Bias-corrected and accelerated (BCa) bootstrap intervals over patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trabecula.domain.bundle import Interval

Statistic = Callable[[NDArray[np.int64]], float]
"""Takes the indices of the patients in a sample and returns the statistic (NaN where it is undefined)."""

DEFAULT_RESAMPLES = 2000


def bca_interval(
    statistic: Statistic, n_patients: int, seed: int, resamples: int = DEFAULT_RESAMPLES, confidence: float = 0.95
) -> Interval:
    """Return the statistic of all patients with its BCa interval (Efron 1987, JASA 82:171).

    Samples in which the statistic is undefined are left out; with fewer than half of them left, or when the statistic
    itself is undefined, the bounds are NaN.
    """
    everyone = np.arange(n_patients)
    estimate = statistic(everyone)
    generator = np.random.default_rng(seed)
    draws = np.array([statistic(generator.integers(0, n_patients, n_patients)) for _ in range(resamples)])
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(estimate) or len(draws) < resamples / 2:
        return Interval(float(estimate), float("nan"), float("nan"), "BCa")
    if np.ptp(draws) == 0.0:
        return Interval(float(estimate), float(draws[0]), float(draws[0]), "BCa")
    below = (np.sum(draws < estimate) + 0.5 * np.sum(draws == estimate)) / len(draws)
    bias = float(stats.norm.ppf(np.clip(below, 1 / len(draws), 1 - 1 / len(draws))))
    acceleration = _acceleration(statistic, everyone)
    tail = (1 - confidence) / 2
    bounds = []
    for quantile in (tail, 1 - tail):
        shifted = bias + float(stats.norm.ppf(quantile))
        bounds.append(float(stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))))
    low, high = np.quantile(draws, bounds)
    return Interval(float(estimate), float(low), float(high), "BCa")


def _acceleration(statistic: Statistic, everyone: NDArray[np.int64]) -> float:
    """Skewness of the jackknife, divided by six."""
    left_out = np.array([statistic(np.delete(everyone, index)) for index in everyone])
    left_out = left_out[np.isfinite(left_out)]
    if len(left_out) < 3:
        return 0.0
    deviations = left_out.mean() - left_out
    spread = float(np.sum(deviations**2)) ** 1.5
    return float(np.sum(deviations**3)) / (6 * spread) if spread > 1e-300 else 0.0
