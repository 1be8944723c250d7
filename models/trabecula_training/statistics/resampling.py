"""Intervals and tests for estimates from repeated cross-validation, whose folds share their training data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trabecula.domain.models.bundle import Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CorrectedTest:
    """Mean over folds, its corrected standard error, interval and two-sided p against zero."""

    mean: float
    standard_error: float
    low: float
    high: float
    p_value: float


def nadeau_bengio(values: Floats, test_fraction: float, confidence: float = 0.95) -> CorrectedTest:
    """Return the corrected resampled t statistics of per-fold values (Nadeau and Bengio 2003, Mach Learn 52:239).

    The variance of the mean is ``s2 * (1/k + n_test/n_train)``; ``test_fraction`` is n_test / n. Needs two folds.
    """
    if len(values) < 2:
        raise ValueError("a corrected t test needs two folds")
    mean = float(values.mean())
    ratio = test_fraction / (1 - test_fraction)
    error = float(np.sqrt(values.var(ddof=1) * (1 / len(values) + ratio)))
    if error < 1e-15:
        return CorrectedTest(
            mean=mean, standard_error=0.0, low=mean, high=mean, p_value=1.0 if abs(mean) < 1e-12 else 0.0
        )
    freedom = len(values) - 1
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    return CorrectedTest(
        mean=mean,
        standard_error=error,
        low=mean - half,
        high=mean + half,
        p_value=float(2 * stats.t.sf(abs(mean) / error, freedom)),
    )


def fold_interval(areas: Floats, test_fraction: float) -> Interval:
    """Return the mean of AUCs of several test sets of the same patients with its corrected resampled interval, cut to
    [0, 1]."""
    corrected = nadeau_bengio(areas, test_fraction)
    return Interval(corrected.mean, max(0.0, corrected.low), min(1.0, corrected.high), "Nadeau-Bengio")


def widest(estimate: float, *intervals: Interval) -> Interval:
    """Return ``estimate`` with the half width of the widest interval, cut to [0, 1]; the method names it."""
    chosen = max(intervals, key=lambda interval: interval.high - interval.low)
    half = (chosen.high - chosen.low) / 2
    return Interval(estimate, max(0.0, estimate - half), min(1.0, estimate + half), chosen.method)
