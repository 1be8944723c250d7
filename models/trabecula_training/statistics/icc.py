"""Intraclass correlation ICC(2,1): two-way random effects, absolute agreement, single measurement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def icc(values: Floats) -> Floats:
    """Return ICC(2,1) of ``values`` [subject, rater, feature] for each feature (Shrout and Fleiss 1979)."""
    n, k, _ = values.shape
    rows, columns, errors = _mean_squares(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((rows - errors) / (rows + (k - 1) * errors + k * (columns - errors) / n))


def icc_lower_bound(values: Floats, confidence: float = 0.95) -> Floats:
    """Return the lower end of the two-sided interval of ICC(2,1) (McGraw and Wong 1996, table 7)."""
    return icc_interval(values, confidence)[0]


def icc_interval(values: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Return both ends of the two-sided interval of ICC(2,1) of ``values`` [subject, rater, feature] (McGraw and Wong
    1996, table 7)."""
    n, k, _ = values.shape
    rows, columns, errors = _mean_squares(values)
    estimate = icc(values)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        a = k * estimate / (n * (1 - estimate))
        b = 1 + k * estimate * (n - 1) / (n * (1 - estimate))
        freedom = (a * columns + b * errors) ** 2 / (
            (a * columns) ** 2 / (k - 1) + (b * errors) ** 2 / ((n - 1) * (k - 1))
        )
        rest = k * columns + (k * n - k - n) * errors
        limit = stats.f.ppf(1 - (1 - confidence) / 2, n - 1, freedom)
        low = n * (rows - limit * errors) / (limit * rest + n * rows)
        other = stats.f.ppf(1 - (1 - confidence) / 2, freedom, n - 1)
        high = n * (other * rows - errors) / (rest + n * other * rows)
    exact = (errors <= 1e-12 * rows) & (columns <= 1e-12 * rows)
    return np.asarray(np.where(exact, 1.0, low)), np.asarray(np.where(exact, 1.0, high))


def _mean_squares(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean squares between subjects, between raters and of the residuals."""
    n, k, _ = values.shape
    grand = values.mean(axis=(0, 1))
    by_subject, by_rater = values.mean(axis=1), values.mean(axis=0)
    rows = k * ((by_subject - grand) ** 2).sum(axis=0) / (n - 1)
    columns = n * ((by_rater - grand) ** 2).sum(axis=0) / (k - 1)
    residual = values - by_subject[:, None] - by_rater[None] + grand
    return rows, columns, (residual**2).sum(axis=(0, 1)) / ((n - 1) * (k - 1))
