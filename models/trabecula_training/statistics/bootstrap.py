"""Bias-corrected and accelerated (BCa) bootstrap intervals over patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trabecula.domain.models.bundle import Interval

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

Statistic = Callable[[Indices], float]
"""Takes the indices of the patients in a sample and returns the statistic (NaN where it is undefined)."""

Statistics = Callable[[Indices], Floats]
"""Takes the indices [sample, patient] of many samples and returns [sample, statistic]."""

DEFAULT_RESAMPLES = 2000


def bca_interval(
    statistic: Statistic, n_patients: int, seed: int, resamples: int = DEFAULT_RESAMPLES, confidence: float = 0.95
) -> Interval:
    """Return the statistic of all patients with its BCa interval (Efron 1987, JASA 82:171).

    Samples in which the statistic is undefined are left out; with fewer than half of them left, or when the statistic
    itself is undefined, the bounds are NaN. Where the estimate lies in a tail of its own samples, the interval is the
    samples' spread centred on the estimate, and its method says so.
    """

    def one_by_one(index: Indices) -> Floats:
        return np.array([[statistic(row)] for row in index])

    return bca_intervals(one_by_one, n_patients, seed, resamples, confidence)[0]


def bca_intervals(
    statistics: Statistics, n_patients: int, seed: int, resamples: int = DEFAULT_RESAMPLES, confidence: float = 0.95
) -> tuple[Interval, ...]:
    """Return several statistics of the same patients, each with its BCa interval from the same samples."""
    everyone = np.arange(n_patients)
    index = np.random.default_rng(seed).integers(0, n_patients, (resamples, n_patients))
    estimates = statistics(everyone[None])[0]
    draws = statistics(index)
    left_out = statistics(np.array([np.delete(everyone, number) for number in everyone]))
    return tuple(
        _interval(float(estimate), draws[:, column], left_out[:, column], confidence)
        for column, estimate in enumerate(estimates)
    )


def _interval(estimate: float, draws: Floats, left_out: Floats, confidence: float) -> Interval:
    resamples = len(draws)
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(estimate) or len(draws) < resamples / 2:
        return Interval(estimate, float("nan"), float("nan"), "BCa")
    if np.ptp(draws) == 0.0:
        return Interval(estimate, float(draws[0]), float(draws[0]), "BCa")
    below = (np.sum(draws < estimate) + 0.5 * np.sum(draws == estimate)) / len(draws)
    tail = (1 - confidence) / 2
    if not tail < below < 1 - tail:
        return _centred(estimate, draws, tail)
    bias = float(stats.norm.ppf(below))
    acceleration = _acceleration(left_out)
    bounds = []
    for quantile in (tail, 1 - tail):
        shifted = bias + float(stats.norm.ppf(quantile))
        bounds.append(float(stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))))
    low, high = np.quantile(draws, bounds)
    return Interval(estimate, float(low), float(high), "BCa")


def _centred(estimate: float, draws: Floats, tail: float) -> Interval:
    """The spread of the samples around the estimate instead of around their own median.

    For distances such as ECE nearly every sample lies above the estimate, and a bias correction that large would leave
    the range of the samples. What is never negative stays so.
    """
    low, middle, high = np.quantile(draws, (tail, 0.5, 1 - tail))
    least = 0.0 if draws.min() >= 0 and estimate >= 0 else -np.inf
    return Interval(estimate, float(max(least, estimate + low - middle)), float(estimate + high - middle), "centred")


def _acceleration(left_out: Floats) -> float:
    """Skewness of the jackknife, divided by six."""
    left_out = left_out[np.isfinite(left_out)]
    if len(left_out) < 3:
        return 0.0
    deviations = left_out.mean() - left_out
    spread = float(np.sum(deviations**2)) ** 1.5
    return float(np.sum(deviations**3)) / (6 * spread) if spread > 1e-300 else 0.0
