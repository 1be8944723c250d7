"""The model on patients of another place: the external set, each site left out once, each batch of ComBat left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval
from trabecula_training.evaluation.subgroups import ExternalResult, external_result
from trabecula_training.learning.classifiers import Family
from trabecula_training.learning.conditioning.plan import ConditioningChoice, combat_patients_at_least
from trabecula_training.learning.dataset import Dataset
from trabecula_training.learning.recipe import Recipe
from trabecula_training.learning.splits import one_site_out
from trabecula_training.learning.tuning import FittedModel, TrainingSet, tune_and_fit
from trabecula_training.statistics.roc import delong_interval

FEWEST_EXTERNAL = 5
"""Patients of each class that an external set or a left-out site must hold to be judged on."""


@dataclass(frozen=True)
class ClassCount:
    """How many patients there are of a place, and how many of them are positive."""

    patients: int
    positive: int

    @property
    def enough(self) -> bool:
        """Whether both classes are large enough to be judged on."""
        return min(self.positive, self.patients - self.positive) >= FEWEST_EXTERNAL


@dataclass(frozen=True, kw_only=True)
class LeftOutBatch:
    """One scanner (site) that took no part in training. ``without_combat`` is each classifier's AUC on it without
    harmonisation, empty where too few of a class; with ComBat the scores of ``withheld`` patients are withheld."""

    name: str
    patients: int
    positive: int
    without_combat: Mapping[str, Interval]
    withheld: int


@dataclass(frozen=True)
class Training:
    """How models are made: the recipe, its classifiers and the seed."""

    recipe: Recipe
    families: tuple[Family, ...]
    seed: int

    def on(self, data: TrainingSet) -> dict[str, FittedModel]:
        """Return the models of these patients, settings chosen by inner folds: what is exported."""
        return tune_and_fit(data, self.recipe.prepare, self.families, self.seed, self.recipe.inner_folds)


def chosen_families(recipe: Recipe, names: Sequence[str]) -> list[Family]:
    """Return the classifiers of these names, all where none is named."""
    return [recipe.family(name) for name in names] or list(recipe.families)


def count_of(labels: NDArray[np.int64]) -> ClassCount:
    """Return how many patients there are, and how many positive."""
    return ClassCount(len(labels), int(labels.sum()))


def site_counts(dataset: Dataset) -> dict[str, ClassCount]:
    """Return the patients of every named site."""
    sites = np.array([patient.site for patient in dataset.patients])
    return {str(site): count_of(dataset.data.labels[sites == site]) for site in sorted(set(sites.tolist()) - {""})}


def final_models(training: Training, dataset: Dataset, outside: Dataset) -> dict[str, FittedModel]:
    """Return the models on every development patient, where something asks for them: an external set, or a formula."""
    linear = any(family.linear for family in training.families)
    if not (linear or count_of(outside.data.labels).enough):
        return {}
    return training.on(dataset.data)


def external_results(
    models: Mapping[str, FittedModel], outside: Dataset, seed: int, resamples: int
) -> dict[str, ExternalResult]:
    """Return the result of every model on the external set, where it is large enough."""
    if not count_of(outside.data.labels).enough:
        return {}
    return {name: external_result(model, outside.data, seed, resamples) for name, model in models.items()}


def sites_left_out(training: Training, dataset: Dataset) -> dict[str, dict[str, Interval]]:
    """Leave one site out: train on the others, judge on it. With ComBat only those are scored whose scanner is still in
    the fit."""
    data = dataset.data
    found: dict[str, dict[str, Interval]] = {}
    for site, split in one_site_out([patient.site for patient in dataset.patients], data.labels).items():
        if not site:
            continue
        judged = _left_out(training, data, split.train, split.test)
        if judged is not None:
            found[site] = judged
    return found


def batches_left_out(training: Training, dataset: Dataset, choice: ConditioningChoice) -> tuple[LeftOutBatch, ...]:
    """Leave one scanner (site) out, where ComBat was asked for: its scores are withheld with ComBat, and without it
    they are judged."""
    if choice.batch is None:
        return ()
    data = dataset.data
    names = np.array([choice.batch_of(patient) for patient in dataset.patients])
    plain = data.without_combat()
    found: list[LeftOutBatch] = []
    for name in sorted(set(names.tolist())):
        inside = names == name
        counts = count_of(data.labels[inside])
        judged = _left_out(training, plain, np.flatnonzero(~inside), np.flatnonzero(inside))
        found.append(
            LeftOutBatch(
                name=name,
                patients=counts.patients,
                positive=counts.positive,
                without_combat=judged or {},
                withheld=counts.patients,
            )
        )
    return tuple(found)


def _left_out(
    training: Training, data: TrainingSet, train: NDArray[np.int64], test: NDArray[np.int64]
) -> dict[str, Interval] | None:
    """Each model's AUC on the rows ``test``; None where a class is too small to train or to be judged on."""
    train, test = _in_the_fit(data, train, test)
    inside, outside = count_of(data.labels[test]), count_of(data.labels[train])
    if not (inside.enough and outside.enough):
        return None
    models = training.on(data.rows(train))
    return {
        name: delong_interval(data.labels[test], model.scores(data.features[test])) for name, model in models.items()
    }


def _in_the_fit(
    data: TrainingSet, train: NDArray[np.int64], test: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Without the rows of batches that are too small in ``train`` for ComBat."""
    plan = data.conditioning
    if plan is None or not plan.batches:
        return train, test
    numbers = plan.numbers_of(data.features)
    counts = np.bincount(numbers[train], minlength=len(plan.batches))
    known = counts >= combat_patients_at_least()
    return train[known[numbers[train]]], test[known[numbers[test]]]
