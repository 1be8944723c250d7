"""Tuning and fitting on one set of training patients: inner folds choose candidate, calibration and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.conditioning import Imputation
from trabecula_training.learning.calibrators import Calibrator, fit_calibrator
from trabecula_training.learning.classifiers import Family, fit, raw_scores
from trabecula_training.learning.conditioning.imputation import fit_imputer
from trabecula_training.learning.conditioning.plan import ConditioningPlan, FittedConditioning
from trabecula_training.learning.selection import Columns, Preparation
from trabecula_training.learning.splits import stratified_by_patient
from trabecula_training.statistics.decision import OPERATING_POINTS, choose_threshold
from trabecula_training.statistics.roc import auc

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingSet:
    """Training rows: features [row, column], labels, and whose row it is.

    With a ``conditioning`` the features may hold NaN and have the further columns of that plan.
    """

    features: Floats
    labels: Labels
    patients: tuple[str, ...]
    conditioning: ConditioningPlan | None = None

    def rows(self, index: NDArray[np.int64]) -> TrainingSet:
        """Return these rows."""
        return replace(
            self,
            features=self.features[index],
            labels=self.labels[index],
            patients=tuple(self.patients[int(number)] for number in index),
        )

    @property
    def strata(self) -> Labels:
        """What folds are balanced by: the label and, with ComBat, the batch, so that no batch is missing in a fit."""
        plan = self.conditioning
        if plan is None or not plan.batches:
            return self.labels
        return self.labels * len(plan.batches) + plan.numbers_of(self.features)

    @property
    def plain(self) -> Floats:
        """The features alone [row, column], what is missing filled by the column's median: for counts and ranges."""
        if self.conditioning is None:
            return self.features
        features = self.features[:, : self.conditioning.columns]
        filled = fit_imputer(Imputation.MEDIAN, features)
        return features if filled is None else filled.apply(features)

    def without_combat(self) -> TrainingSet:
        """Return the same patients with features that no batch is taken out of."""
        plan = self.conditioning
        if plan is None or not plan.batches:
            return self
        left = ConditioningPlan(columns=plan.columns, impute=plan.impute)
        return replace(self, features=self.features[:, : plan.columns], conditioning=left)

    def fitted_conditioning(self) -> FittedConditioning | None:
        """Return the conditioning that these rows give, None without one."""
        return None if self.conditioning is None else self.conditioning.fit(self.features)


def conditioned(fitted: FittedConditioning | None, features: Floats) -> Floats:
    """Return features [row, column] as a preparation reads them."""
    return features if fitted is None else fitted.apply(features)


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
    conditioning: FittedConditioning | None = None

    @property
    def read_columns(self) -> NDArray[np.int64]:
        """The columns whose value can change the score: of a linear model those with a weight."""
        weights = getattr(self.estimator, "coef_", None)
        if isinstance(weights, np.ndarray) and np.count_nonzero(weights) and weights.size == len(self.columns.index):
            return self.columns.index[np.flatnonzero(weights.ravel())]
        return self.columns.index

    def scores(self, features: Floats) -> Floats:
        """Return raw scores of rows with all columns."""
        return raw_scores(self.estimator, self.columns.apply(conditioned(self.conditioning, features)))

    def probabilities(self, features: Floats) -> Floats:
        """Return calibrated probabilities of rows with all columns."""
        return self.calibrator.probabilities(self.scores(features))


def tune_and_fit(
    data: TrainingSet, prepare: Preparation, families: Sequence[Family], seed: int, inner_folds: int = 5
) -> dict[str, FittedModel]:
    """Return one fitted model per family; everything learned comes from ``data`` alone.

    For every inner fold conditioning and preparation run anew on its training part. The candidate with the largest AUC
    over the inner out-of-fold scores wins; calibrator and thresholds are learned on its scores; then all are fitted
    once more on all rows.
    """
    inner = {family.name: np.zeros((len(family.candidates), len(data.labels))) for family in families}
    for split in stratified_by_patient(data.labels, data.patients, inner_folds, 1, seed, data.strata):
        train = data.rows(split.train)
        fitted = train.fitted_conditioning()
        features = conditioned(fitted, train.features)
        columns = prepare(features, train.labels, seed)
        seen, unseen = columns.apply(features), columns.apply(conditioned(fitted, data.features[split.test]))
        for family in families:
            for number, candidate in enumerate(family.candidates):
                estimator = fit(candidate, seen, train.labels, seed)
                inner[family.name][number, split.test] = raw_scores(estimator, unseen)
    fitted = data.fitted_conditioning()
    features = conditioned(fitted, data.features)
    columns = prepare(features, data.labels, seed)
    everyone = columns.apply(features)
    finished = {
        family.name: _finish(data.labels, family, inner[family.name], columns, everyone, seed) for family in families
    }
    return {name: replace(model, conditioning=fitted) for name, model in finished.items()}


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
