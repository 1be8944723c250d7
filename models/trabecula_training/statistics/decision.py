"""Decisions at a threshold: operating points, their rates, and decision curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula_training.statistics.roc import roc_curve

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

RULE_IN_SPECIFICITY = 0.90
"""Specificity that the ``rule_in`` operating point reaches on the inner folds (the house's own choice)."""

OPERATING_POINTS = ("balanced", "rule_in")
RULES = {
    "balanced": "largest Youden index on the inner folds",
    "rule_in": f"lowest threshold with specificity >= {RULE_IN_SPECIFICITY:.2f} on the inner folds",
}


def _candidate_thresholds(scores: Floats) -> Floats:
    """Midpoints between neighbouring distinct scores, and one below and one above all."""
    distinct = np.unique(scores)
    return np.concatenate([[distinct[0] - 1e-9], (distinct[1:] + distinct[:-1]) / 2, [distinct[-1] + 1e-9]])


def choose_threshold(name: str, labels: Labels, scores: Floats) -> float:
    """Return the threshold of the named operating point (positive: score >= threshold). Raises KeyError."""
    thresholds = _candidate_thresholds(scores)
    positives, negatives = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    sensitivity = 1 - np.searchsorted(positives, thresholds, side="left") / len(positives)
    specificity = np.searchsorted(negatives, thresholds, side="left") / len(negatives)
    if name == "balanced":
        return float(thresholds[int(np.argmax(sensitivity + specificity))])
    if name == "rule_in":
        return float(thresholds[int(np.argmax(specificity >= RULE_IN_SPECIFICITY))])
    raise KeyError(name)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What decisions achieved; a rate without a denominator is NaN."""

    sensitivity: float
    specificity: float
    ppv: float
    npv: float
    accuracy: float
    f1: float


def rates(labels: Labels, decisions: Floats) -> Rates:
    """Return the rates of decisions in [0, 1] (a fraction is the share of repeats in which a patient was positive)."""
    positive = labels == 1
    tp, fn = float(decisions[positive].sum()), float((1 - decisions[positive]).sum())
    fp, tn = float(decisions[~positive].sum()), float((1 - decisions[~positive]).sum())
    return Rates(
        sensitivity=_ratio(tp, tp + fn),
        specificity=_ratio(tn, tn + fp),
        ppv=_ratio(tp, tp + fp),
        npv=_ratio(tn, tn + fn),
        accuracy=_ratio(tp + tn, len(labels)),
        f1=_ratio(2 * tp, 2 * tp + fp + fn),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


DECISION_THRESHOLDS: Floats = np.round(np.arange(0.05, 0.601, 0.01), 2)
"""Threshold probabilities of the decision curves: 5 % to 60 %."""


def net_benefit(labels: Labels, probabilities: Floats, thresholds: Floats = DECISION_THRESHOLDS) -> Floats:
    """Return TP/n - FP/n * pt/(1 - pt) at each threshold (Vickers and Elkin 2006)."""
    flagged = probabilities[None, :] >= thresholds[:, None]
    true_positive = (flagged & (labels == 1)[None, :]).mean(axis=1)
    false_positive = (flagged & (labels == 0)[None, :]).mean(axis=1)
    return np.asarray(true_positive - false_positive * thresholds / (1 - thresholds), dtype=np.float64)


def net_benefit_of_all(labels: Labels, thresholds: Floats = DECISION_THRESHOLDS) -> Floats:
    """Return the net benefit of flagging everybody."""
    return net_benefit(labels, np.ones(len(labels)), thresholds)


def youden(labels: Labels, scores: Floats) -> float:
    """Return the largest sensitivity + specificity - 1 over all thresholds."""
    false_rate, true_rate = roc_curve(labels, scores)
    return float(np.max(true_rate - false_rate))
