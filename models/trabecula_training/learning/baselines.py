"""What a model must beat, in the same folds: prevalence, age and sex, OST, one biomarker, and each with radiomics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from trabecula_training.learning.splits import Split
from trabecula_training.statistics.calibration import sigmoid
from trabecula_training.statistics.decision import OPERATING_POINTS, choose_threshold

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

PREVALENCE = "prevalence"
AGE_SEX = "age and sex"
OST = "OST"
MEAN_HU = "mean HU"
VBQ = "VBQ"
WITH_CLINICAL = "+ age and sex"
WITH_OST = "+ OST"
CLINICAL_AND = "age, sex and"


def ost(weight_kg: Floats, age_years: Floats) -> Floats:
    """Return the osteoporosis self-assessment tool, 0.2 * (weight in kg - age in years); low means risk."""
    return np.asarray(0.2 * (weight_kg - age_years), dtype=np.float64)


@dataclass(frozen=True)
class Comparators:
    """Named sets of columns [patient, column] (NaN where not known) that compete with the model.

    ``combined`` names the sets that are also tried together with each family's score (set name -> suffix).
    """

    sets: Mapping[str, Floats]
    combined: Mapping[str, str]


@dataclass(frozen=True)
class FittedComparator:
    """A comparator's word on the test patients of one split."""

    name: str
    scores: Floats
    probabilities: Floats
    decisions: dict[str, NDArray[np.bool_]]


def clinical_comparators(
    age_years: Floats, female: Floats, weight_kg: Floats, biomarkers: Mapping[str, Floats]
) -> Comparators:
    """Return the comparators for which at least half of the patients have values."""
    sets = {
        AGE_SEX: np.stack([age_years, female], axis=1),
        OST: ost(weight_kg, age_years)[:, None],
        **{name: values[:, None] for name, values in biomarkers.items()},
        **{
            f"{CLINICAL_AND} {name}": np.stack([age_years, female, values], axis=1)
            for name, values in biomarkers.items()
        },
    }
    enough = max(1.0, len(age_years) / 2)
    known = {name: matrix for name, matrix in sets.items() if np.isfinite(matrix).all(axis=1).sum() >= enough}
    suffixes = {**{name: f"+ {name}" for name in sets}, AGE_SEX: WITH_CLINICAL, OST: WITH_OST}
    return Comparators(known, {name: suffix for name, suffix in suffixes.items() if name in known})


NO_COMPARATORS = Comparators({}, {})


def fit_comparators(
    comparators: Comparators, labels: Labels, split: Split, radiomics: Mapping[str, tuple[Floats, Floats]]
) -> Iterator[FittedComparator]:
    """Yield every comparator fitted on the training rows of ``split`` (``labels`` are theirs).

    ``radiomics`` maps a family to its inner out-of-fold scores (training rows) and its scores (test rows).
    """
    yield _prevalence(labels, len(split.test))
    for name, matrix in comparators.sets.items():
        yield _logistic(name, matrix[split.train], matrix[split.test], labels)
    for set_name, suffix in comparators.combined.items():
        matrix = comparators.sets[set_name]
        for family, (inner, outer) in radiomics.items():
            train = np.column_stack([inner, matrix[split.train]])
            yield _logistic(f"{family} {suffix}", train, np.column_stack([outer, matrix[split.test]]), labels)


def _prevalence(labels: Labels, n_test: int) -> FittedComparator:
    share = np.full(n_test, float(labels.mean()))
    return FittedComparator(PREVALENCE, share, share, {point: np.zeros(n_test, bool) for point in OPERATING_POINTS})


def _logistic(name: str, train: Floats, test: Floats, labels: Labels) -> FittedComparator:
    """Logistic regression on z-scores; a missing value becomes the median of the training rows."""
    median = np.nanmedian(train, axis=0)
    train, test = (np.where(np.isfinite(part), part, median) for part in (train, test))
    mean, sd = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-12)
    model = LogisticRegression(C=1.0, max_iter=1000).fit((train - mean) / sd, labels)
    seen = sigmoid(model.decision_function((train - mean) / sd))
    scores = np.asarray(model.decision_function((test - mean) / sd), dtype=np.float64)
    probabilities = sigmoid(scores)
    thresholds = {point: choose_threshold(point, labels, seen) for point in OPERATING_POINTS}
    return FittedComparator(
        name, scores, probabilities, {point: probabilities >= value for point, value in thresholds.items()}
    )
