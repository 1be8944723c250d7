"""Results by subgroup and on patients the model has never seen: sex, age, scanner, site, external set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval
from trabecula_training.cohort.table import Patient
from trabecula_training.evaluation.metrics import confusion_of, probability_metrics, rate_intervals
from trabecula_training.learning.nested_cv import NestedResult
from trabecula_training.learning.tuning import FittedModel, TrainingSet
from trabecula_training.statistics.calibration import HosmerLemeshow, hosmer_lemeshow
from trabecula_training.statistics.roc import delong_interval

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

AGE_BANDS = ((0, 50, "under 50"), (50, 65, "50-64"), (65, 80, "65-79"), (80, 200, "80 and older"))
FEWEST_OF_A_CLASS = 5
"""Patients of each class below which an AUC of a subgroup is not shown."""


@dataclass(frozen=True, kw_only=True)
class SubgroupRow:
    """One subgroup: patients, events, AUC (None where too few of a class), and the share flagged when balanced."""

    group: str
    value: str
    n_patients: int
    n_events: int
    auc: Interval | None
    flagged: float


def subgroup_rows(result: NestedResult, patients: Sequence[Patient]) -> tuple[SubgroupRow, ...]:
    """Return a row per sex, age band, scanner and site that has any patients."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, patient in enumerate(patients):
        band = next(name for low, high, name in AGE_BANDS if low <= patient.age_years < high)
        facts = {"sex": patient.sex, "age": band, "scanner": patient.scanner, "site": patient.site}
        for group, value in facts.items():
            if value:
                groups.setdefault((group, value), []).append(number)
    return tuple(_row(result, group, value, np.array(groups[group, value])) for group, value in sorted(groups))


def _row(result: NestedResult, group: str, value: str, index: NDArray[np.int64]) -> SubgroupRow:
    labels = result.labels[index]
    enough = min((labels == 1).sum(), (labels == 0).sum()) >= FEWEST_OF_A_CLASS
    flagged = float(result.decisions["balanced"].mean(axis=0)[index].mean())
    area = delong_interval(labels, result.pooled_ranks[index]) if enough else None
    return SubgroupRow(
        group=group, value=value, n_patients=len(index), n_events=int(labels.sum()), auc=area, flagged=flagged
    )


@dataclass(frozen=True, kw_only=True)
class ExternalResult:
    """A frozen model on patients that took no part in its making, at its frozen thresholds."""

    family: str
    candidate: str
    n_patients: int
    n_events: int
    metrics: Mapping[str, Interval]
    points: Mapping[str, Mapping[str, Interval]]
    hosmer_lemeshow: HosmerLemeshow
    confusion: Mapping[str, tuple[float, float, float, float]]


@dataclass(frozen=True)
class ExternalPrediction:
    """Labels and calibrated probabilities of the external patients, for figures; never written to a file."""

    labels: Labels
    probabilities: Floats


def external_result(model: FittedModel, data: TrainingSet, seed: int, resamples: int) -> ExternalResult:
    """Return the metrics of ``model`` on ``data``, nothing fitted or re-optimised there."""
    scores = model.scores(data.features)
    probabilities = model.calibrator.probabilities(scores)
    decisions = {name: (probabilities >= limit).astype(np.float64) for name, limit in model.thresholds.items()}
    points = {name: rate_intervals(data.labels, decided, seed, resamples) for name, decided in decisions.items()}
    return ExternalResult(
        family=model.family,
        candidate=model.candidate,
        n_patients=len(data.labels),
        n_events=int(data.labels.sum()),
        metrics={
            "auc": delong_interval(data.labels, scores),
            **probability_metrics(data.labels, probabilities, seed, resamples),
        },
        points=points,
        hosmer_lemeshow=hosmer_lemeshow(data.labels, probabilities, external=True),
        confusion={name: confusion_of(data.labels, decided) for name, decided in decisions.items()},
    )
