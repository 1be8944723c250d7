"""Nested cross-validation by patient: outer folds judge, inner folds learn; comparators run in the same folds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from trabecula_training.learning.baselines import Comparators, fit_comparators
from trabecula_training.learning.classifiers import Family
from trabecula_training.learning.fold_store import FoldOutcome, FoldPrediction, FoldStore
from trabecula_training.learning.selection import Preparation
from trabecula_training.learning.splits import Split, stratified_by_patient
from trabecula_training.learning.tuning import TrainingSet, tune_and_fit
from trabecula_training.statistics.roc import auc

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class NestedResult:
    """All outer predictions of one model or comparator.

    Row ``i`` of every matrix is repeat ``i``: ``ranks`` [repeat, patient] are the mid-ranks of the raw scores within
    the test fold, in (0, 1), so that folds whose models speak in different units can be pooled without bias;
    ``probabilities`` [repeat, patient] are calibrated; ``decisions`` [repeat, patient] per operating point.
    """

    name: str
    labels: Labels
    folds: tuple[FoldPrediction, ...]
    ranks: Floats
    probabilities: Floats
    decisions: dict[str, Floats]

    @property
    def fold_aucs(self) -> Floats:
        """AUC within every outer test fold, in order."""
        return np.array([auc(self.labels[fold.split.test], fold.scores) for fold in self.folds])

    @property
    def pooled_ranks(self) -> Floats:
        """One score per patient for discrimination: the mean rank over repeats."""
        return np.asarray(self.ranks.mean(axis=0), dtype=np.float64)

    @property
    def pooled_probabilities(self) -> Floats:
        """One calibrated probability per patient: the mean over repeats."""
        return np.asarray(self.probabilities.mean(axis=0), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class NestedPlan:
    """How to validate: preparation, classifiers, comparators, folds, seed and processes."""

    prepare: Preparation
    families: Sequence[Family]
    comparators: Comparators
    folds: int = 5
    repeats: int = 5
    seed: int = 20260101
    processes: int = 1
    inner_folds: int = 5
    store: FoldStore | None = None
    """Where finished outer folds are kept and found again; None: nowhere."""


def _ignore(split: Split) -> None:
    """Take no notice of progress."""


def nested_cross_validation(
    data: TrainingSet, plan: NestedPlan, on_fold: Callable[[Split], None] = _ignore
) -> dict[str, NestedResult]:
    """Return a result per family and per comparator. ``on_fold`` hears of every finished outer fold."""
    splits = stratified_by_patient(data.labels, data.patients, plan.folds, plan.repeats, plan.seed, data.strata)
    outcomes: list[FoldOutcome] = []
    for outcome in _kept_or_made(data, plan, splits):
        outcomes.append(outcome)
        on_fold(splits[len(outcomes) - 1])
    return {
        name: _assemble(name, data.labels, tuple(outcome[name] for outcome in outcomes), plan.repeats)
        for name in outcomes[0]
    }


def _kept_or_made(data: TrainingSet, plan: NestedPlan, splits: Sequence[Split]) -> Iterator[FoldOutcome]:
    """What each split gave, in order: from the store where it is there, else made and kept at once."""
    store = plan.store
    kept = [store.find(split) if store else None for split in splits]
    made = _in_processes(data, plan, [split for split, found in zip(splits, kept, strict=True) if found is None])
    for split, found in zip(splits, kept, strict=True):
        if found is not None:
            yield found
            continue
        outcome = next(made)
        if store:
            store.keep(split, outcome)
        yield outcome


def _in_processes(data: TrainingSet, plan: NestedPlan, splits: Sequence[Split]) -> Iterator[FoldOutcome]:
    if plan.processes == 1:
        yield from (run_split(data, plan, split) for split in splits)
        return
    workers = Parallel(n_jobs=plan.processes, return_as="generator")
    yield from workers(delayed(run_split)(data, plan, split) for split in splits)


def run_split(data: TrainingSet, plan: NestedPlan, split: Split) -> FoldOutcome:
    """Return every model's predictions for the test patients of one outer split; one thread of arithmetic."""
    with threadpool_limits(limits=1):
        train = data.rows(split.train)
        test_features = data.features[split.test]
        models = tune_and_fit(train, plan.prepare, plan.families, plan.seed + split.repeat, plan.inner_folds)
        predictions: FoldOutcome = {}
        radiomics: dict[str, tuple[Floats, Floats]] = {}
        for name, model in models.items():
            scores = model.scores(test_features)
            probabilities = model.calibrator.probabilities(scores)
            radiomics[name] = (model.inner_scores, scores)
            predictions[name] = FoldPrediction(
                split=split,
                scores=scores,
                probabilities=probabilities,
                decisions={point: probabilities >= threshold for point, threshold in model.thresholds.items()},
                candidate=model.candidate,
                columns=tuple(int(column) for column in model.read_columns),
            )
        for fitted in fit_comparators(plan.comparators, train.labels, split, radiomics):
            predictions[fitted.name] = FoldPrediction(
                split=split,
                scores=fitted.scores,
                probabilities=fitted.probabilities,
                decisions=fitted.decisions,
                candidate="",
                columns=(),
            )
        return predictions


def _assemble(name: str, labels: Labels, folds: tuple[FoldPrediction, ...], repeats: int) -> NestedResult:
    ranks = np.zeros((repeats, len(labels)))
    probabilities = np.zeros((repeats, len(labels)))
    decisions = {point: np.zeros((repeats, len(labels))) for point in folds[0].decisions}
    for fold in folds:
        test, row = fold.split.test, fold.split.repeat
        ranks[row, test] = (stats.rankdata(fold.scores) - 0.5) / len(test)
        probabilities[row, test] = fold.probabilities
        for point, decided in fold.decisions.items():
            decisions[point][row, test] = decided
    return NestedResult(
        name=name, labels=labels, folds=folds, ranks=ranks, probabilities=probabilities, decisions=decisions
    )
