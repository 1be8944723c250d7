"""What the training cohort looked like to a model, so that the service can see when a study lies outside of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.model_selection import KFold

from trabecula.domain.models.bundle import AcquisitionRange, TrainingRange
from trabecula.domain.results.result import SeriesRole
from trabecula_training.data import data_file
from trabecula_training.features.table import Facts, FeatureTable
from trabecula_training.learning.tuning import FittedModel

Floats = NDArray[np.float64]

LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5
LIMIT_PERCENTILE = 99.0
GATED_WORDS = ("kernel_class", "contrast_phase")
"""Classes that texture depends on and that mean the same for every vendor."""
SEEN_WORDS = ("manufacturer", "model", "kernel")
"""The vendors' own words, kept for people to read; another vendor's word for a kernel is no other acquisition."""


@dataclass(frozen=True)
class Tolerance:
    """How far beyond the training cohort a number may lie and still be the same acquisition: the larger of both."""

    absolute: float
    relative: float

    def widen(self, low: float, high: float) -> tuple[float, float]:
        """Return the range that a bundle states; never below zero."""
        below, above = (max(self.absolute, self.relative * abs(end)) for end in (low, high))
        return max(low - below, 0.0), high + above


@cache
def tolerances() -> Mapping[str, Tolerance]:
    """Return the gated numbers with their tolerance, from ``data/acquisition.toml``; no other number is a gate."""
    table = data_file("acquisition.toml")["number"]
    return {name: Tolerance(float(row["absolute"]), float(row["relative"])) for name, row in table.items()}


def training_range(models: Sequence[FittedModel], features: Floats, seed: int) -> TrainingRange:
    """Return the range of the columns that any of the models reads; limits come from held-out patients (5 folds)."""
    return range_of(features, np.unique(np.concatenate([model.read_columns for model in models])), seed)


def range_of(features: Floats, used: NDArray[np.int64], seed: int) -> TrainingRange:
    """Return the range of the columns ``used`` of ``features`` [patient, column]; limits from held-out patients."""
    chosen = features[:, used]
    mean, sd, low, high, precision = _describe(chosen)
    fractions, distances = [], []
    for train, test in KFold(5, shuffle=True, random_state=seed).split(chosen):
        fold_mean, fold_sd, fold_low, fold_high, fold_precision = _describe(chosen[train])
        held_out = chosen[test]
        fractions.append(((held_out < fold_low) | (held_out > fold_high)).mean(axis=1))
        z = (held_out - fold_mean) / fold_sd
        distances.append(np.einsum("ij,jk,ik->i", z, fold_precision, z))
    return TrainingRange(
        used=tuple(int(column) for column in used),
        mean=_floats(mean),
        sd=_floats(sd),
        low=_floats(low),
        high=_floats(high),
        max_outside_fraction=float(np.percentile(np.concatenate(fractions), LIMIT_PERCENTILE)),
        precision=_floats(precision.ravel()),
        mahalanobis_limit=float(np.percentile(np.concatenate(distances), LIMIT_PERCENTILE)),
    )


def _describe(values: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    mean, sd = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-12)
    low, high = np.percentile(values, [LOW_PERCENTILE, HIGH_PERCENTILE], axis=0)
    precision = LedoitWolf().fit((values - mean) / sd).precision_
    return mean, sd, low, high, np.asarray(precision, dtype=np.float64)


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def acquisition_ranges(
    table: FeatureTable, roles: Sequence[SeriesRole], patients: Sequence[str]
) -> tuple[AcquisitionRange, ...]:
    """Return, per role, the widened range of every gated number, the classes of gated words, and the words seen."""
    people = set(patients)
    return tuple(
        acquisition_range(
            role,
            [facts for (patient, of), facts in table.facts.items() if of is role and patient in people],
        )
        for role in roles
    )


def acquisition_range(role: SeriesRole, trained: Sequence[Facts]) -> AcquisitionRange:
    """Return what the facts of the training series allow."""
    numeric: dict[str, tuple[float, float]] = {}
    for name, tolerance in sorted(tolerances().items()):
        values = [float(value) for facts in trained if isinstance(value := facts.get(name), (int, float))]
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            numeric[name] = tolerance.widen(min(finite), max(finite))
    return AcquisitionRange(role, numeric, _words(trained, GATED_WORDS), _words(trained, SEEN_WORDS))


def _words(trained: Sequence[Facts], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found = {name: {str(facts[name]) for facts in trained if facts.get(name)} for name in names}
    return {name: tuple(sorted(words)) for name, words in found.items() if words}
