"""Feature selection: pure functions from a training matrix and its labels to column numbers and their z-score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression, lars_path
from sklearn.model_selection import StratifiedKFold

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """The columns a model reads, in order, with the mean and SD of its training patients."""

    index: Indices
    mean: Floats
    sd: Floats

    def apply(self, features: Floats) -> Floats:
        """Return the z-scored selected columns of ``features`` [patient, column]."""
        return np.asarray((features[:, self.index] - self.mean) / self.sd, dtype=np.float64)


_LEAST_EIGENVALUE = 1e-12
"""Directions with less than this share of the largest variance hold rounding errors only."""

Preparation = Callable[[Floats, Labels, int], Columns]
"""Learns columns from training patients alone: (features, labels, seed) -> Columns."""


def z_scored(features: Floats) -> tuple[Indices, Floats]:
    """Return the columns that vary, and all patients' z-scores in them."""
    mean, sd = features.mean(axis=0), features.std(axis=0)
    varies = np.flatnonzero(sd > 1e-12 * np.maximum(1.0, np.abs(mean)))
    return varies, (features[:, varies] - mean[varies]) / sd[varies]


def columns_of(features: Floats, index: Indices) -> Columns:
    """Return these columns with the mean and SD of ``features``."""
    chosen = features[:, index]
    return Columns(np.asarray(index, dtype=np.int64), chosen.mean(axis=0), chosen.std(axis=0))


def mann_whitney_p(features: Floats, labels: Labels) -> Floats:
    """Return the two-sided p of the Mann-Whitney test of every column (normal approximation, ties corrected)."""
    ranks = stats.rankdata(features, axis=0)
    n_positive, n_negative = int((labels == 1).sum()), int((labels == 0).sum())
    n = n_positive + n_negative
    surplus = ranks[labels == 1].sum(axis=0) - n_positive * (n + 1) / 2
    variance = n_positive * n_negative / (n - 1) * (np.mean(ranks**2, axis=0) - ((n + 1) / 2) ** 2)
    z = np.abs(surplus) / np.sqrt(np.maximum(variance, 1e-12))
    return np.asarray(2 * stats.norm.sf(z), dtype=np.float64)


def without_correlated(scores: Floats, order: Indices, limit: float) -> Indices:
    """Walk through ``order`` and keep a column unless it correlates above ``limit`` with one already kept.

    ``scores`` are z-scores; the result keeps the order given: the first of a cluster stands for it.
    """
    correlation = np.abs(np.corrcoef(scores[:, order], rowvar=False)) if len(order) > 1 else np.ones((1, 1))
    open_ = np.ones(len(order), dtype=bool)
    kept: list[int] = []
    for number, column in enumerate(order):
        if open_[number]:
            kept.append(int(column))
            open_ &= correlation[number] <= limit
    return np.array(kept, dtype=np.int64)


def univariate(scores: Floats, labels: Labels, p_limit: float, at_least: int, at_most: int) -> Indices:
    """Return columns with p below ``p_limit``, smallest first, but no fewer and no more than told."""
    p_values = mann_whitney_p(scores, labels)
    order = np.argsort(p_values, kind="stable")
    count = int(np.clip(np.sum(p_values < p_limit), min(at_least, len(order)), at_most))
    return np.asarray(order[:count], dtype=np.int64)


def ridge_logistic_weights(scores: Floats, labels: Labels, penalty: float = 1.0) -> Floats:
    """Return the coefficients of an L2 logistic regression on many columns.

    Fitted in the row space of ``scores`` (a rotation of the problem, hence the same optimum), which for few patients
    and thousands of columns is faster by orders of magnitude. The row space comes from the patients' inner products.
    """
    eigenvalues, left = np.linalg.eigh(scores @ scores.T)
    kept = eigenvalues > _LEAST_EIGENVALUE * eigenvalues[-1]
    singular = np.sqrt(eigenvalues[kept])
    model = LogisticRegression(C=penalty, max_iter=1000)
    model.fit(left[:, kept] * singular, labels)
    return np.asarray(scores.T @ (left[:, kept] @ (model.coef_[0] / singular)), dtype=np.float64)


def stable_logistic(scores: Floats, labels: Labels, seed: int, at_most: int = 150, folds: int = 5) -> Indices:
    """Return the columns that L2 logistic regression finds important in every one of ``folds`` folds (xue2022).

    Important: |coefficient| above their mean, and among the ``at_most`` largest. Most important first. Where no column
    is chosen in every fold, those chosen most often are returned (at least one).
    There are no more folds than patients of the rarer class.
    """
    votes = np.zeros(scores.shape[1])
    strength = np.zeros(scores.shape[1])
    rarer = int(min((labels == 1).sum(), (labels == 0).sum()))
    splitter = StratifiedKFold(min(folds, max(2, rarer)), shuffle=True, random_state=seed)
    for train, _ in splitter.split(scores, labels):
        weights = np.abs(ridge_logistic_weights(scores[train], labels[train]))
        largest = np.argsort(-weights, kind="stable")[:at_most]
        votes[largest[weights[largest] > weights.mean()]] += 1
        strength += weights
    chosen = np.flatnonzero(votes == votes.max())
    return np.asarray(chosen[np.argsort(-strength[chosen], kind="stable")], dtype=np.int64)


def lasso_first(scores: Floats, labels: Labels, at_most: int) -> Indices:
    """Return the columns that enter the LASSO path first, at least one and at most ``at_most``."""
    target = labels - labels.mean()
    _, active, _ = lars_path(scores, target, method="lasso", max_iter=at_most)
    return np.asarray(active[:at_most] if len(active) else [0], dtype=np.int64)
