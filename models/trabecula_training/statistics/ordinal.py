"""Statistics of ordered categories: kappa, concordance and probability score, for many bootstrap samples at once.

Samples are given as weights [sample, patient]: how often each patient stands in the sample (all ones: everybody once).
Grades are integers from 0 upwards, in the order of severity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Grades = NDArray[np.int64]
Indices = NDArray[np.int64]


def sample_weights(index: Indices, n_patients: int) -> Floats:
    """Return weights [sample, patient] of samples given as indices [sample, draw]."""
    weights = np.zeros((len(index), n_patients))
    np.add.at(weights, (np.arange(len(index))[:, None], index), 1.0)
    return weights


def confusion(reference: Grades, found: Grades, grades: int) -> NDArray[np.int64]:
    """Return the table [reference grade, found grade] of counts."""
    table = np.zeros((grades, grades), dtype=np.int64)
    np.add.at(table, (reference, found), 1)
    return table


def weighted_kappa(weights: Floats, reference: Grades, found: Grades, grades: int, power: int) -> Floats:
    """Return Cohen's weighted kappa of every sample (Cohen 1968, Psychol Bull 70:213).

    Disagreement weighs ``|difference| ** power``: 1 linear, 2 quadratic. NaN where chance leaves nothing to disagree.
    """
    cells = np.zeros((len(reference), grades * grades))
    cells[np.arange(len(reference)), reference * grades + found] = 1.0
    observed = (weights @ cells).reshape(-1, grades, grades) / weights.sum(axis=1)[:, None, None]
    expected = observed.sum(axis=2)[:, :, None] * observed.sum(axis=1)[:, None, :]
    steps = np.arange(grades, dtype=np.float64)
    penalty = np.abs(steps[:, None] - steps[None, :]) ** power
    by_chance = (expected * penalty).sum(axis=(1, 2))
    seen = (observed * penalty).sum(axis=(1, 2))
    return np.asarray(1 - np.divide(seen, by_chance, out=np.full_like(seen, np.nan), where=by_chance > 0))


def concordance(weights: Floats, reference: Grades, scores: Floats) -> Floats:
    """Return the ordinal C-index of every sample: of all pairs of different grade, the share whose scores stand in the
    same order, ties counting half (Harrell 1982, JAMA 247:2543). With two grades it is the AUC. NaN without a pair."""
    higher = (reference[:, None] > reference[None, :]).astype(np.float64)
    order = np.sign(scores[:, None] - scores[None, :])
    right = higher * (0.5 + 0.5 * order)
    pairs = ((weights @ higher) * weights).sum(axis=1)
    concordant = ((weights @ right) * weights).sum(axis=1)
    return np.asarray(np.divide(concordant, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0))


def ranked_probability_score(weights: Floats, reference: Grades, probabilities: Floats) -> Floats:
    """Return the mean ranked probability score of every sample, 0 being perfect (Epstein 1969, J Appl Meteorol 8:985).

    ``probabilities`` [patient, grade] sum to one; the score is divided by the number of cuts, so that it is the mean
    of the Brier scores of the cuts.
    """
    grades = probabilities.shape[1]
    reached = np.cumsum(probabilities, axis=1)[:, :-1]
    truth = (reference[:, None] <= np.arange(grades - 1)[None, :]).astype(np.float64)
    each = ((reached - truth) ** 2).mean(axis=1)
    return np.asarray(weights @ each / weights.sum(axis=1))


def wilson(count: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (Wilson 1927, JASA 22:209); (0, 1) of nobody."""
    if total == 0:
        return 0.0, 1.0
    share, squared = count / total, z * z / total
    centre = (share + squared / 2) / (1 + squared)
    half = z * ((share * (1 - share) + squared / 4) / total) ** 0.5 / (1 + squared)
    return max(0.0, centre - half), min(1.0, centre + half)
