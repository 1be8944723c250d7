"""How well probabilities match what happened: Brier score, slope and intercept, ICI, ECE, Hosmer-Lemeshow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

_EPSILON = 1e-6


def logit(probabilities: Floats) -> Floats:
    """Return log odds; probabilities are first cut to [1e-6, 1 - 1e-6]."""
    cut = np.clip(probabilities, _EPSILON, 1 - _EPSILON)
    return np.asarray(np.log(cut / (1 - cut)), dtype=np.float64)


def sigmoid(values: Floats) -> Floats:
    """Return the logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(values, dtype=np.float64))), dtype=np.float64)


def brier(labels: Labels, probabilities: Floats) -> float:
    """Return the mean squared difference between probability and outcome."""
    return float(np.mean((probabilities - labels) ** 2))


def fit_logistic_line(labels: Labels | Floats, scores: Floats, offset: Floats | None = None) -> tuple[float, float]:
    """Fit ``labels ~ sigmoid(slope * score + intercept)`` by maximum likelihood and return (slope, intercept).

    With ``offset`` the slope is not fitted (it is 1 on the offset) and only the intercept is. Separable or constant
    data give a finite answer: the fit carries a ridge of 1e-6 and stops after 50 Newton steps.
    """
    columns = [np.ones_like(scores)] if offset is not None else [scores, np.ones_like(scores)]
    design = np.stack(columns, axis=1)
    base = offset if offset is not None else np.zeros_like(scores)
    weights = np.zeros(design.shape[1])
    ridge = 1e-6 * np.eye(design.shape[1])
    for _ in range(50):
        probability = sigmoid(base + design @ weights)
        gradient = design.T @ (labels - probability) - ridge @ weights
        curvature = design.T @ (design * (probability * (1 - probability))[:, None]) + ridge
        step = np.clip(np.linalg.solve(curvature, gradient), -5.0, 5.0)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return (1.0, float(weights[0])) if offset is not None else (float(weights[0]), float(weights[1]))


def calibration_slope(labels: Labels, probabilities: Floats) -> float:
    """Return the slope of the outcome on the log odds: 1 is ideal, below 1 the predictions are too extreme (Cox 1958).

    NaN for one class only, or where every prediction is the same.
    """
    odds = logit(probabilities)
    if len(np.unique(labels)) < 2 or np.ptp(odds) < 1e-9:
        return float("nan")
    return fit_logistic_line(labels, odds)[0]


def calibration_intercept(labels: Labels, probabilities: Floats) -> float:
    """Return calibration in the large: 0 is ideal, above 0 the risk was underestimated. NaN for one class only."""
    if len(np.unique(labels)) < 2:
        return float("nan")
    odds = logit(probabilities)
    return fit_logistic_line(labels, odds, offset=odds)[1]


def smooth_calibration(labels: Labels, probabilities: Floats, at: Floats, span: float = 0.75) -> Floats:
    """Return the observed proportion at predicted probabilities ``at``: a local line with tricube weights (loess)."""
    reach = min(len(probabilities), max(3, round(span * len(probabilities))))
    distance = np.abs(at[:, None] - probabilities[None, :])
    width = np.maximum(np.partition(distance, reach - 1, axis=1)[:, reach - 1 : reach], 1e-9) * 1.0001
    weight = np.clip(1 - (distance / width) ** 3, 0, None) ** 3
    total = weight.sum(axis=1)
    mean_x = weight @ probabilities / total
    mean_y = weight @ labels / total
    spread = weight @ probabilities**2 / total - mean_x**2
    together = weight @ (probabilities * labels) / total - mean_x * mean_y
    slope = np.where(spread > 1e-9, together / np.maximum(spread, 1e-9), 0.0)
    return np.asarray(np.clip(mean_y + slope * (at - mean_x), 0, 1), dtype=np.float64)


def integrated_calibration_index(labels: Labels, probabilities: Floats) -> float:
    """Return the mean distance between prediction and smooth observed proportion (Austin and Steyerberg 2019)."""
    grid = np.linspace(float(probabilities.min()), float(probabilities.max()), 60)
    observed = np.interp(probabilities, grid, smooth_calibration(labels, probabilities, grid))
    return float(np.mean(np.abs(observed - probabilities)))


def expected_calibration_error(labels: Labels, probabilities: Floats, groups: int = 10) -> float:
    """Return the mean distance between mean prediction and proportion over groups of equal size."""
    parts = np.array_split(np.argsort(probabilities, kind="stable"), groups)
    gaps = [len(part) * abs(float(probabilities[part].mean() - labels[part].mean())) for part in parts if len(part)]
    return float(sum(gaps) / len(labels))


@dataclass(frozen=True)
class HosmerLemeshow:
    """The Hosmer-Lemeshow test; for comparability with the studies only (low power, depends on the grouping)."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def hosmer_lemeshow(labels: Labels, probabilities: Floats, groups: int = 10, external: bool = False) -> HosmerLemeshow:
    """Return the test over groups of equal size; degrees of freedom are g - 2, on an external set g."""
    parts = [part for part in np.array_split(np.argsort(probabilities, kind="stable"), groups) if len(part)]
    statistic = 0.0
    for part in parts:
        expected = float(np.clip(probabilities[part].mean(), _EPSILON, 1 - _EPSILON)) * len(part)
        statistic += (float(labels[part].sum()) - expected) ** 2 / (expected * (1 - expected / len(part)))
    freedom = len(parts) if external else max(1, len(parts) - 2)
    return HosmerLemeshow(statistic, freedom, float(stats.chi2.sf(statistic, freedom)))
