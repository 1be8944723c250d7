"""Bootstrap over patients where one stands in several rows: copies of an image, a person in several test sets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

WeightedStatistics = Callable[[Floats], Floats]
"""Takes weights [sample, row] and returns [sample, statistic]; NaN where a statistic is undefined."""


def cluster_intervals(
    statistics: WeightedStatistics, groups: Indices, seed: int, resamples: int, confidence: float = 0.95
) -> tuple[Interval, ...]:
    """Return each statistic of all rows with its percentile interval over samples of whole groups.

    ``groups`` names the group of every row. A row weighs as often as its group was drawn: the cluster bootstrap (Field
    and Welsh 2007, J R Stat Soc B 69:369).
    """
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)
    estimates = statistics(np.ones((1, len(groups))))[0]
    draws = statistics(drawn[:, member])
    tail = (1 - confidence) / 2
    return tuple(_interval(float(estimate), draws[:, place], tail) for place, estimate in enumerate(estimates))


def _interval(estimate: float, draws: Floats, tail: float) -> Interval:
    known = draws[np.isfinite(draws)]
    if not np.isfinite(estimate) or len(known) < len(draws) / 2:
        return Interval(estimate, float("nan"), float("nan"), "cluster bootstrap")
    low, high = np.quantile(known, (tail, 1 - tail))
    return Interval(estimate, float(low), float(high), "cluster bootstrap")


def weighted_rates(weights: Floats, labels: Indices, decisions: Floats) -> Floats:
    """Return sensitivity, specificity, PPV, NPV, accuracy and F1 [sample, rate] of decisions in 0 to 1 under weights
    [sample, row]; NaN without a denominator."""
    sick = (labels == 1).astype(np.float64)
    tp, fn = weights @ (sick * decisions), weights @ (sick * (1 - decisions))
    fp, tn = weights @ ((1 - sick) * decisions), weights @ ((1 - sick) * (1 - decisions))
    pairs = [(tp, tp + fn), (tn, tn + fp), (tp, tp + fp), (tn, tn + fn), (tp + tn, tp + tn + fp + fn)]
    pairs.append((2 * tp, 2 * tp + fp + fn))
    found = [np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0) for part, whole in pairs]
    return np.stack(found, axis=1)
