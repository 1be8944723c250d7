"""Tuning and fitting on one set of training patients: inner folds choose candidate, calibration and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula_training.learning.calibrators import Calibrator, fit_calibrator
from trabecula_training.learning.classifiers import Family, fit, raw_scores
from trabecula_training.learning.selection import Columns, Preparation
from trabecula_training.learning.splits import stratified_by_patient
from trabecula_training.statistics.decision import OPERATING_POINTS, choose_threshold
from trabecula_training.statistics.roc import auc

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingSet:
    """Training rows: features [row, column], labels, and whose row it is."""

    features: Floats
    labels: Labels
    patients: tuple[str, ...]

    def rows(self, index: NDArray[np.int64]) -> TrainingSet:
        """Return these rows."""
        return TrainingSet(
            self.features[index], self.labels[index], tuple(self.patients[int(number)] for number in index)
        )


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """A classifier with all it learned: columns and their z-score, estimator, calibrator and frozen thresholds.

    ``inner_scores`` are the raw scores of the training rows, each from an inner fold that did not see it.
    """

    family: str
    candidate: str
    columns: Columns
    estimator: Any
    calibrator: Calibrator
    thresholds: dict[str, float]
    inner_scores: Floats

    @property
    def read_columns(self) -> NDArray[np.int64]:
        """The columns whose value can change the score: of a linear model those with a weight."""
        weights = getattr(self.estimator, "coef_", None)
        if isinstance(weights, np.ndarray) and np.count_nonzero(weights) and weights.size == len(self.columns.index):
            return self.columns.index[np.flatnonzero(weights.ravel())]
        return self.columns.index

    def scores(self, features: Floats) -> Floats:
        """Return raw scores of rows with all columns."""
        return raw_scores(self.estimator, self.columns.apply(features))

    def probabilities(self, features: Floats) -> Floats:
        """Return calibrated probabilities of rows with all columns."""
        return self.calibrator.probabilities(self.scores(features))


def tune_and_fit(
    data: TrainingSet, prepare: Preparation, families: Sequence[Family], seed: int, inner_folds: int = 5
) -> dict[str, FittedModel]:
    """Return one fitted model per family; everything learned comes from ``data`` alone.

    For every inner fold the preparation runs anew on its training part. The candidate with the largest AUC over the
    inner out-of-fold scores wins; calibrator and thresholds are learned on its scores; then preparation and
    estimator are fitted once more on all rows.
    """
    inner = {family.name: np.zeros((len(family.candidates), len(data.labels))) for family in families}
    for split in stratified_by_patient(data.labels, data.patients, inner_folds, 1, seed):
        train = data.rows(split.train)
        columns = prepare(train.features, train.labels, seed)
        seen, unseen = columns.apply(train.features), columns.apply(data.features[split.test])
        for family in families:
            for number, candidate in enumerate(family.candidates):
                estimator = fit(candidate, seen, train.labels, seed)
                inner[family.name][number, split.test] = raw_scores(estimator, unseen)
    columns = prepare(data.features, data.labels, seed)
    everyone = columns.apply(data.features)
    return {
        family.name: _finish(data.labels, family, inner[family.name], columns, everyone, seed) for family in families
    }


def _finish(
    labels: Labels, family: Family, inner: Floats, columns: Columns, everyone: Floats, seed: int
) -> FittedModel:
    best = int(np.argmax([auc(labels, row) for row in inner]))
    candidate, scores = family.candidates[best], inner[best]
    calibrator = fit_calibrator(labels, scores)
    probabilities = calibrator.probabilities(scores)
    thresholds = {name: choose_threshold(name, labels, probabilities) for name in OPERATING_POINTS}
    estimator = fit(candidate, everyone, labels, seed)
    return FittedModel(
        family=family.name,
        candidate=candidate.name,
        columns=columns,
        estimator=estimator,
        calibrator=calibrator,
        thresholds=thresholds,
        inner_scores=scores,
    )
