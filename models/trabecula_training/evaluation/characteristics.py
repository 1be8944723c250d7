"""Table 1 of a task: who the patients of either class are, with a test of each difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trabecula_training.cohort.table import Patient
from trabecula_training.learning.baselines import Comparators

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

_CLINICAL = frozenset({"age and sex", "OST"})


@dataclass(frozen=True)
class ClassSummary:
    """One characteristic in one class: patients who have it, mean and SD; of a share the number and the share."""

    known: int
    mean: float
    sd: float


@dataclass(frozen=True, kw_only=True)
class Characteristic:
    """One row: positive and negative class, and the p value of Mann-Whitney (numbers) or Fisher (shares). The tests are
    not corrected for their number."""

    name: str
    share: bool
    negative: ClassSummary
    positive: ClassSummary
    p_value: float


def characteristics(
    patients: Sequence[Patient], labels: Labels, comparators: Comparators
) -> tuple[Characteristic, ...]:
    """Return the rows of what is known of at least two patients of each class."""
    numbers: dict[str, Floats] = {
        "age, years": _column([item.age_years for item in patients]),
        "height, cm": _column([item.height_cm for item in patients]),
        "weight, kg": _column([item.weight_kg for item in patients]),
        "BMI, kg/m2": _bmi(patients),
        "QCT, mg/cm3": _column([item.qct_bmd_mg_cm3 for item in patients]),
        "T-score": _column([item.t_score for item in patients]),
        "days to the reference": _column([item.interval_days for item in patients]),
    }
    numbers |= _biomarkers(comparators.sets)
    rows = [_share("women", np.array([item.sex == "F" for item in patients], dtype=np.float64), labels)]
    rows += [row for name, values in numbers.items() if (row := _number(name, values, labels)) is not None]
    return tuple(rows)


def _biomarkers(sets: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name: values[:, 0] for name, values in sets.items() if values.shape[1] == 1 and name not in _CLINICAL}


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _bmi(patients: Sequence[Patient]) -> Floats:
    height, weight = (_column([getattr(item, name) for item in patients]) for name in ("height_cm", "weight_kg"))
    return np.asarray(weight / (height / 100) ** 2, dtype=np.float64)


def _number(name: str, values: Floats, labels: Labels) -> Characteristic | None:
    parts = [values[(labels == label) & np.isfinite(values)] for label in (0, 1)]
    if min(map(len, parts)) < 2:
        return None
    negative, positive = (ClassSummary(len(part), float(part.mean()), float(part.std(ddof=1))) for part in parts)
    p_value = float(stats.mannwhitneyu(parts[0], parts[1], alternative="two-sided").pvalue)
    return Characteristic(name=name, share=False, negative=negative, positive=positive, p_value=p_value)


def _share(name: str, values: Floats, labels: Labels) -> Characteristic:
    parts = [values[labels == label] for label in (0, 1)]
    table = np.array([[part.sum(), len(part) - part.sum()] for part in parts], dtype=np.int64)
    negative, positive = (ClassSummary(int(part.sum()), float(part.mean()), 0.0) for part in parts)
    p_value = float(stats.fisher_exact(table)[1])
    return Characteristic(name=name, share=True, negative=negative, positive=positive, p_value=p_value)
