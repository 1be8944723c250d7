"""What a model adds to what is known without it: refitted inside the folds, judged on patients held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval
from trabecula_training.evaluation.metrics import test_share
from trabecula_training.learning.baselines import Comparators
from trabecula_training.learning.nested_cv import NestedResult
from trabecula_training.statistics.bootstrap import bca_intervals
from trabecula_training.statistics.calibration import logit
from trabecula_training.statistics.nested_models import LikelihoodRatio, likelihood_ratio
from trabecula_training.statistics.resampling import CorrectedTest, nadeau_bengio

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AddedValue:
    """A baseline together with a model, against the baseline alone.

    ``likelihood`` tests the model's out-of-fold score beside the baseline over all patients (pre-validation: Tibshirani
    and Efron 2002; optimistic). ``auc`` is the difference over outer folds in which both were refitted,
    and so free of optimism; ``brier`` the difference in Brier score, below 0 where the model helps.
    """

    baseline: str
    together: str
    likelihood: LikelihoodRatio
    auc: CorrectedTest
    brier: Interval


def added_values(
    family: str, results: Mapping[str, NestedResult], comparators: Comparators, seed: int, resamples: int
) -> tuple[AddedValue, ...]:
    """Return what ``family`` adds to each baseline that was also tried together with it."""
    found: list[AddedValue] = []
    model = results[family]
    score = logit(model.pooled_probabilities)[:, None]
    for baseline, suffix in comparators.combined.items():
        together = f"{family} {suffix}"
        if together not in results:
            continue
        alone, both = results[baseline], results[together]
        found.append(
            AddedValue(
                baseline=baseline,
                together=together,
                likelihood=likelihood_ratio(model.labels, _known(comparators.sets[baseline]), score),
                auc=nadeau_bengio(both.fold_aucs - alone.fold_aucs, test_share(both)),
                brier=_brier_difference(both, alone, seed, resamples),
            )
        )
    return tuple(found)


def _known(columns: Floats) -> Floats:
    """Missing values as the median, as in the folds."""
    return np.asarray(np.where(np.isfinite(columns), columns, np.nanmedian(columns, axis=0)), dtype=np.float64)


def _brier_difference(both: NestedResult, alone: NestedResult, seed: int, resamples: int) -> Interval:
    labels = both.labels
    gain = (both.pooled_probabilities - labels) ** 2 - (alone.pooled_probabilities - labels) ** 2

    def mean(index: NDArray[np.int64]) -> Floats:
        return np.asarray(gain[index].mean(axis=1, keepdims=True))

    return bca_intervals(mean, len(labels), seed, resamples)[0]
