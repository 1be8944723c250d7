"""What the training cohort looked like to a model, so that the service can see when a study lies outside of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.model_selection import KFold

from trabecula.domain.bundle import AcquisitionRange, TrainingRange
from trabecula.domain.result import SeriesRole
from trabecula_training.features import FeatureTable
from trabecula_training.tuning import FittedModel

Floats = NDArray[np.float64]

LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5
LIMIT_PERCENTILE = 99.0
GATED_NUMBERS = (
    "kvp",
    "slice_thickness_mm",
    "slice_spacing_mm",
    "repetition_time_ms",
    "echo_time_ms",
    "inversion_time_ms",
    "field_strength_t",
)
GATED_WORDS = ("kernel", "kernel_class")
"""Facts that texture depends on; others (tube current, names of scanners, descriptions) are not gates."""


def training_range(models: Sequence[FittedModel], features: Floats, seed: int) -> TrainingRange:
    """Return the range of the columns that any of the models reads; limits come from held-out patients (5 folds)."""
    used = np.unique(np.concatenate([_read_columns(model) for model in models]))
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
        tuple(int(column) for column in used),
        _floats(mean),
        _floats(sd),
        _floats(low),
        _floats(high),
        float(np.percentile(np.concatenate(fractions), LIMIT_PERCENTILE)),
        _floats(precision.ravel()),
        float(np.percentile(np.concatenate(distances), LIMIT_PERCENTILE)),
    )


def _read_columns(model: FittedModel) -> NDArray[np.int64]:
    """Return the columns whose value can change the score: of a linear model those with a weight."""
    weights = getattr(model.estimator, "coef_", None)
    if isinstance(weights, np.ndarray) and np.count_nonzero(weights):
        return model.columns.index[np.flatnonzero(weights.ravel())]
    return model.columns.index


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
    """Return, per role, smallest and largest of every number and the words of every gated fact in training."""
    people = set(patients)
    ranges: list[AcquisitionRange] = []
    for role in roles:
        numbers: dict[str, list[float]] = {}
        words: dict[str, set[str]] = {}
        for (patient, row_role), facts in table.facts.items():
            if row_role is role and patient in people:
                _collect(facts, numbers, words)
        ranges.append(
            AcquisitionRange(
                role,
                {name: (min(values), max(values)) for name, values in sorted(numbers.items())},
                {name: tuple(sorted(values)) for name, values in sorted(words.items())},
            )
        )
    return tuple(ranges)


def _collect(facts: Mapping[str, str | float], numbers: dict[str, list[float]], words: dict[str, set[str]]) -> None:
    for name, value in facts.items():
        if isinstance(value, (int, float)) and name in GATED_NUMBERS and np.isfinite(value):
            numbers.setdefault(name, []).append(float(value))
        elif isinstance(value, str) and value and name in GATED_WORDS:
            words.setdefault(name, set()).add(value)
