"""The measures of calibration and decision for many samples at once: every row is one sample of patients.

Each function takes labels and probabilities [sample, patient] and returns one number per sample, the same as its
namesake for one sample in calibration.py and decision.py; the bootstrap needs thousands of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from trabecula_training.statistics.calibration import logit, sigmoid

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

GRID = 60
"""Points at which the smooth calibration curve of the ICI is drawn, as in calibration.py."""

CHUNK_ELEMENTS = 1 << 20
"""Elements of the largest array of the ICI: 8 MiB, so that it stays in the cache of one core."""


def brier_rows(labels: Labels, probabilities: Floats) -> Floats:
    """Mean squared difference between probability and outcome."""
    return np.asarray(np.mean((probabilities - labels) ** 2, axis=1))


def slope_rows(labels: Labels, probabilities: Floats) -> Floats:
    """Calibration slope; NaN for one class only, or where every prediction is the same."""
    odds = logit(probabilities)
    undefined = _one_class(labels) | (np.ptp(odds, axis=1) < 1e-9)
    weights = _newton(labels, np.zeros_like(odds), (odds, np.ones_like(odds)))
    return np.where(undefined, np.nan, weights[:, 0])


def intercept_rows(labels: Labels, probabilities: Floats) -> Floats:
    """Calibration in the large; NaN for one class only."""
    odds = logit(probabilities)
    weights = _newton(labels, odds, (np.ones_like(odds),))
    return np.where(_one_class(labels), np.nan, weights[:, 0])


def _one_class(labels: Labels) -> NDArray[np.bool_]:
    return np.asarray(labels.min(axis=1) == labels.max(axis=1))


def _newton(labels: Labels, base: Floats, columns: tuple[Floats, ...]) -> Floats:
    """Logistic regression of every row on ``columns`` with offset ``base``: weights [sample, column].

    Ridge, step limit and stopping rule are those of ``fit_logistic_line``.
    """
    design = np.stack(columns, axis=2)
    weights = np.zeros((len(labels), design.shape[2]))
    ridge = 1e-6 * np.eye(design.shape[2])
    open_ = np.arange(len(labels))
    for _ in range(50):
        part = design[open_]
        probability = sigmoid(base[open_] + np.einsum("spc,sc->sp", part, weights[open_]))
        gradient = np.einsum("spc,sp->sc", part, labels[open_] - probability) - weights[open_] @ ridge
        spread = probability * (1 - probability)
        curvature = np.einsum("spc,sp,spd->scd", part, spread, part) + ridge
        step = np.clip(np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0], -5.0, 5.0)
        weights[open_] += step
        open_ = open_[np.abs(step).max(axis=1) >= 1e-9]
        if not len(open_):
            break
    return weights


def ece_rows(labels: Labels, probabilities: Floats, groups: int = 10) -> Floats:
    """Mean distance between mean prediction and proportion over groups of equal size."""
    order = np.argsort(probabilities, axis=1, kind="stable")
    gaps = np.take_along_axis(probabilities - labels, order, axis=1)
    parts = np.array_split(gaps, groups, axis=1)
    return np.asarray(sum(np.abs(part.sum(axis=1)) for part in parts) / labels.shape[1])


def ici_rows(labels: Labels, probabilities: Floats, span: float = 0.75) -> Floats:
    """Mean distance between prediction and smooth observed proportion (loess, as in ``smooth_calibration``)."""
    patients = labels.shape[1]
    size = max(1, CHUNK_ELEMENTS // (GRID * patients))
    parts = [slice(start, start + size) for start in range(0, len(labels), size)]
    return np.concatenate([_ici(labels[part], probabilities[part], span) for part in parts])


def _ici(labels: Labels, probabilities: Floats, span: float) -> Floats:
    order = np.argsort(probabilities, axis=1, kind="stable")
    ordered = np.take_along_axis(probabilities, order, axis=1)
    outcome = np.take_along_axis(labels, order, axis=1).astype(np.float64)
    low, width = ordered[:, :1], ordered[:, -1:] - ordered[:, :1]
    grid = low + width * np.linspace(0.0, 1.0, GRID)
    observed = _smooth(ordered, outcome, grid, span)
    place = np.divide(ordered - low, width, out=np.zeros_like(ordered), where=width > 0) * (GRID - 1)
    left = np.minimum(place.astype(np.int64), GRID - 2)
    before, after = (np.take_along_axis(observed, left + offset, axis=1) for offset in (0, 1))
    return np.asarray(np.mean(np.abs(before + (place - left) * (after - before) - ordered), axis=1))


def _smooth(ordered: Floats, outcome: Floats, grid: Floats, span: float) -> Floats:
    """A local line with tricube weights at every point of every row's grid: [sample, point].

    The distance to the k-th nearest of sorted predictions is the least, over windows of k, of the farther end.
    """
    patients = ordered.shape[1]
    reach = min(patients, max(3, round(span * patients)))
    point = grid[:, :, None]
    starts, ends = ordered[:, None, : patients - reach + 1], ordered[:, None, reach - 1 :]
    width = np.maximum(point - starts, ends - point).min(axis=2, keepdims=True)
    width = np.maximum(width, 1e-9) * 1.0001
    scaled = np.abs(point - ordered[:, None, :]) / width
    weight = np.clip(1 - scaled * scaled * scaled, 0, None)
    weight = weight * weight * weight
    total = weight.sum(axis=2)
    moments = np.stack([ordered, outcome, ordered * ordered, ordered * outcome], axis=2)
    mean_x, mean_y, square, product = np.moveaxis(weight @ moments, 2, 0) / total
    spread, together = square - mean_x**2, product - mean_x * mean_y
    slope = np.where(spread > 1e-9, together / np.maximum(spread, 1e-9), 0.0)
    return np.asarray(np.clip(mean_y + slope * (grid - mean_x), 0, 1), dtype=np.float64)


def rates_rows(labels: Labels, decisions: Floats) -> Floats:
    """Sensitivity, specificity, PPV, NPV, accuracy and F1 [sample, rate]; NaN without a denominator."""
    sick = (labels == 1).astype(np.float64)
    tp = (sick * decisions).sum(axis=1)
    fp = ((1 - sick) * decisions).sum(axis=1)
    fn = sick.sum(axis=1) - tp
    tn = (1 - sick).sum(axis=1) - fp
    pairs = [(tp, tp + fn), (tn, tn + fp), (tp, tp + fp), (tn, tn + fn), (tp + tn, tp + tn + fp + fn)]
    pairs.append((2 * tp, 2 * tp + fp + fn))
    found = [np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0) for part, whole in pairs]
    return np.stack(found, axis=1)


PROBABILITY_ROWS: Mapping[str, Callable[[Labels, Floats], Floats]] = {
    "brier": brier_rows,
    "calibration_slope": slope_rows,
    "calibration_intercept": intercept_rows,
    "ici": ici_rows,
    "ece": ece_rows,
}
"""Metric name -> its function, in the order of the reports."""
