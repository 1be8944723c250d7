"""The ordinal form of a recipe: normal, low, osteoporosis, from the two cumulative questions answered together.

The heads are the tasks ``abnormal_bone_density`` (at least low) and ``osteoporosis``. Both probabilities of a patient
are out of fold; where they contradict each other they are drawn together, so that the more severe is never likelier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval
from trabecula_training.cohort.labels import ABNORMAL, OSTEOPOROSIS, BoneCategory
from trabecula_training.learning.baselines import PREVALENCE
from trabecula_training.learning.nested_cv import NestedResult
from trabecula_training.runs.run import TaskRun
from trabecula_training.statistics.bootstrap import bca_intervals
from trabecula_training.statistics.calibration import integrated_calibration_index
from trabecula_training.statistics.ordinal import (
    concordance,
    confusion,
    ranked_probability_score,
    sample_weights,
    weighted_kappa,
    wilson,
)
from trabecula_training.statistics.roc import delong_interval

Floats = NDArray[np.float64]
Grades = NDArray[np.int64]

GRADE_NAMES = ("normal", "low", "osteoporosis")
GRADE: Mapping[BoneCategory, int] = {
    BoneCategory.NORMAL: 0,
    BoneCategory.LOW: 1,
    BoneCategory.BELOW_EXPECTED: 1,
    BoneCategory.OSTEOPOROSIS: 2,
}
"""A Z-score below the expected range counts as low: abnormal, but not osteoporosis."""

METRICS = ("c_index", "kappa_quadratic", "kappa_linear", "exact", "ranked_probability_score")


@dataclass(frozen=True, kw_only=True)
class CategoryCalibration:
    """One category: mean probability given to it, share of patients in it (Wilson's interval), and mean distance
    between its probability and what was observed there (ICI)."""

    category: str
    predicted: float
    observed: float
    low: float
    high: float
    ici: float


@dataclass(frozen=True, kw_only=True)
class OrdinalResult:
    """One classifier or comparator as a grader.

    ``metrics`` holds those of METRICS; ``pairs`` maps ``low > normal`` and so on to the AUC between two categories;
    ``confusion`` is [reference][graded] in patients, graded at the thresholds frozen on inner folds (median over
    repeats); ``contradictions`` counts the patients whose two probabilities had to be drawn together.
    """

    name: str
    n_patients: int
    metrics: Mapping[str, Interval]
    pairs: Mapping[str, Interval]
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[CategoryCalibration, ...]
    contradictions: int


def category_probabilities(abnormal: Floats, osteoporosis: Floats) -> Floats:
    """Return probabilities [patient, grade] of normal, low and osteoporosis from the two cumulative ones.

    Where osteoporosis came out likelier than abnormal density, both become their mean.
    """
    wrong = osteoporosis > abnormal
    mean = (abnormal + osteoporosis) / 2
    at_least_low, severe = np.where(wrong, mean, abnormal), np.where(wrong, mean, osteoporosis)
    return np.stack([1 - at_least_low, at_least_low - severe, severe], axis=1)


@dataclass(frozen=True)
class OrdinalRun:
    """The grading results of one input, classifiers before comparators."""

    input: str
    results: tuple[OrdinalResult, ...]


def ordinal_runs(runs: Sequence[TaskRun], seed: int, resamples: int) -> tuple[OrdinalRun, ...]:
    """Return the ordinal form of every input whose two cumulative tasks were validated."""
    found: list[OrdinalRun] = []
    for name in dict.fromkeys(run.input.name for run in runs):
        tasks = {run.task.name: run for run in runs if run.input.name == name and run.results}
        if {ABNORMAL.name, OSTEOPOROSIS.name} <= set(tasks):
            results = _graded(tasks[ABNORMAL.name], tasks[OSTEOPOROSIS.name], seed, resamples)
            found += [OrdinalRun(name, results)] if results else []
    return tuple(found)


def _graded(abnormal: TaskRun, severe: TaskRun, seed: int, resamples: int) -> tuple[OrdinalResult, ...]:
    """A result per name that answered both questions, over the patients whom both hold; none without three grades."""
    places = {patient.patient: place for place, patient in enumerate(severe.dataset.patients)}
    people = [(row, item) for row, item in enumerate(abnormal.dataset.patients) if item.patient in places]
    rows = np.array([row for row, _ in people], dtype=np.int64)
    others = np.array([places[item.patient] for _, item in people], dtype=np.int64)
    grades = np.array([GRADE[item.category] for _, item in people if item.category is not None], dtype=np.int64)
    if set(grades.tolist()) != set(GRADE.values()):
        return ()
    names = [name for name in abnormal.results if name in severe.results and name != PREVALENCE]
    return tuple(
        _result(_Pair(abnormal.results[name], severe.results[name], rows, others), grades, seed, resamples)
        for name in names
    )


@dataclass(frozen=True)
class _Pair:
    """The two heads of one classifier, each with the rows of the shared patients."""

    abnormal: NestedResult
    osteoporosis: NestedResult
    rows: Grades
    others: Grades

    @property
    def probabilities(self) -> tuple[Floats, Floats]:
        return self.abnormal.pooled_probabilities[self.rows], self.osteoporosis.pooled_probabilities[self.others]

    def graded(self) -> Grades:
        """The grade of each patient by frozen thresholds: the upper median over repeats."""
        low = self.abnormal.decisions["balanced"][:, self.rows] > 0
        severe = self.osteoporosis.decisions["balanced"][:, self.others] > 0
        repeats = min(len(low), len(severe))
        each = np.where(severe[:repeats], 2, low[:repeats].astype(np.int64))
        return np.asarray(np.sort(each, axis=0)[repeats // 2], dtype=np.int64)


def _result(pair: _Pair, grades: Grades, seed: int, resamples: int) -> OrdinalResult:
    abnormal, severe = pair.probabilities
    shares = category_probabilities(abnormal, severe)
    expected = shares @ np.arange(len(GRADE_NAMES), dtype=np.float64)
    graded = pair.graded()
    count = len(GRADE_NAMES)

    def statistics(index: NDArray[np.int64]) -> Floats:
        weights = sample_weights(index, len(grades))
        return np.stack(
            [
                concordance(weights, grades, expected),
                weighted_kappa(weights, grades, graded, count, 2),
                weighted_kappa(weights, grades, graded, count, 1),
                weights @ (grades == graded) / weights.sum(axis=1),
                ranked_probability_score(weights, grades, shares),
            ],
            axis=1,
        )

    intervals = bca_intervals(statistics, len(grades), seed, resamples)
    return OrdinalResult(
        name=pair.abnormal.name,
        n_patients=len(grades),
        metrics=dict(zip(METRICS, intervals, strict=True)),
        pairs=_between(grades, expected),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion(grades, graded, count)),
        calibration=_category_calibration(grades, shares),
        contradictions=int((severe > abnormal).sum()),
    )


def _between(grades: Grades, expected: Floats) -> dict[str, Interval]:
    found: dict[str, Interval] = {}
    for lower in range(len(GRADE_NAMES)):
        for upper in range(lower + 1, len(GRADE_NAMES)):
            among = (grades == lower) | (grades == upper)
            if min((grades == lower).sum(), (grades == upper).sum()) > 1:
                labels = (grades[among] == upper).astype(np.int64)
                found[f"{GRADE_NAMES[upper]} > {GRADE_NAMES[lower]}"] = delong_interval(labels, expected[among])
    return found


def _category_calibration(grades: Grades, shares: Floats) -> tuple[CategoryCalibration, ...]:
    rows: list[CategoryCalibration] = []
    for grade, name in enumerate(GRADE_NAMES):
        count = int((grades == grade).sum())
        low, high = wilson(count, len(grades))
        inside = (grades == grade).astype(np.int64)
        ici = integrated_calibration_index(inside, shares[:, grade])
        rows.append(
            CategoryCalibration(
                category=name,
                predicted=float(shares[:, grade].mean()),
                observed=count / len(grades),
                low=low,
                high=high,
                ici=ici,
            )
        )
    return tuple(rows)
