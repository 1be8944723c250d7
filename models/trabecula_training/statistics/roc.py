"""ROC curves, the area under them, and DeLong's intervals and paired comparisons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trabecula.domain.models.bundle import Interval

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def auc(labels: Labels, scores: Floats) -> float:
    """Return the area under the ROC curve (Mann-Whitney: ties count half). Raises ValueError for one class only."""
    positive = labels == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        raise ValueError("an AUC needs both classes")
    ranks = stats.rankdata(scores)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def roc_curve(labels: Labels, scores: Floats) -> tuple[Floats, Floats]:
    """Return false and true positive rates from (0, 0) to (1, 1), one point per distinct score."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    true_positives = np.cumsum(labels[order] == 1)[last_of_tie]
    false_positives = np.cumsum(labels[order] == 0)[last_of_tie]
    return (
        np.concatenate([[0.0], false_positives / false_positives[-1]]),
        np.concatenate([[0.0], true_positives / true_positives[-1]]),
    )


def _placements(labels: Labels, scores: Floats) -> tuple[Floats, Floats]:
    """Structural components of DeLong by mid-ranks (Sun and Xu 2014): of the positives and of the negatives."""
    positive = scores[labels == 1]
    negative = scores[labels == 0]
    combined = stats.rankdata(np.concatenate([positive, negative]))
    of_positive = (combined[: len(positive)] - stats.rankdata(positive)) / len(negative)
    of_negative = 1.0 - (combined[len(positive) :] - stats.rankdata(negative)) / len(positive)
    return of_positive, of_negative


def delong_variance(labels: Labels, scores: Floats) -> float:
    """Return DeLong's variance of the AUC (DeLong 1988, Biometrics 44:837)."""
    of_positive, of_negative = _placements(labels, scores)
    return float(np.var(of_positive, ddof=1) / len(of_positive) + np.var(of_negative, ddof=1) / len(of_negative))


def delong_interval(labels: Labels, scores: Floats, confidence: float = 0.95) -> Interval:
    """Return the AUC with DeLong's interval, cut to [0, 1]."""
    estimate = auc(labels, scores)
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * delong_variance(labels, scores) ** 0.5
    return Interval(estimate, max(0.0, estimate - half), min(1.0, estimate + half), "DeLong")


@dataclass(frozen=True)
class PairedDifference:
    """AUC of the first minus AUC of the second scores on the same patients; ``p_value`` is two-sided."""

    difference: float
    low: float
    high: float
    p_value: float


def delong_paired(labels: Labels, first: Floats, second: Floats, confidence: float = 0.95) -> PairedDifference:
    """Return DeLong's paired comparison of two correlated ROC curves; equal scores give p = 1."""
    first_positive, first_negative = _placements(labels, first)
    second_positive, second_negative = _placements(labels, second)
    variance = float(
        np.var(first_positive - second_positive, ddof=1) / len(first_positive)
        + np.var(first_negative - second_negative, ddof=1) / len(first_negative)
    )
    difference = auc(labels, first) - auc(labels, second)
    if variance <= 1e-15:
        return PairedDifference(difference, difference, difference, 1.0 if abs(difference) < 1e-12 else 0.0)
    deviation = variance**0.5
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * deviation
    p_value = float(2 * stats.norm.sf(abs(difference) / deviation))
    return PairedDifference(difference, difference - half, difference + half, p_value)
