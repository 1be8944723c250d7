"""What a score adds to a model that is contained in the larger one: the likelihood-ratio test.

DeLong's test is not valid there: under the null hypothesis both AUCs are one (Demler 2012, Stat Med 31:2577).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trabecula_training.statistics.calibration import sigmoid

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

_STEPS = 100


@dataclass(frozen=True)
class LikelihoodRatio:
    """Twice the difference of log likelihoods, with one degree of freedom for each column added."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def log_likelihood(labels: Labels, columns: Floats) -> float:
    """Return the largest log likelihood of a logistic regression on ``columns`` [patient, column] and an intercept.

    Columns are z-scored and the fit carries a ridge of 1e-6, so that separable data give a finite answer.
    """
    spread = np.maximum(columns.std(axis=0), 1e-12)
    design = np.column_stack([np.ones(len(labels)), (columns - columns.mean(axis=0)) / spread])
    weights = np.zeros(design.shape[1])
    ridge = 1e-6 * np.eye(design.shape[1])
    for _ in range(_STEPS):
        probability = sigmoid(design @ weights)
        gradient = design.T @ (labels - probability) - ridge @ weights
        curvature = design.T @ (design * (probability * (1 - probability))[:, None]) + ridge
        step = np.clip(np.linalg.solve(curvature, gradient), -5.0, 5.0)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    probability = np.clip(sigmoid(design @ weights), 1e-12, 1 - 1e-12)
    return float(np.sum(labels * np.log(probability) + (1 - labels) * np.log(1 - probability)))


def likelihood_ratio(labels: Labels, base: Floats, added: Floats) -> LikelihoodRatio:
    """Return the test of ``added`` [patient, column] beside ``base`` [patient, column]."""
    statistic = 2 * (log_likelihood(labels, np.column_stack([base, added])) - log_likelihood(labels, base))
    statistic = max(0.0, statistic)
    return LikelihoodRatio(statistic, added.shape[1], float(stats.chi2.sf(statistic, added.shape[1])))
