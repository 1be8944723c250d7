"""From cohort and feature table to what a task is trained on: one row per patient, with everybody left out named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.models.feature_layout import FeatureLayout, LevelAggregation
from trabecula.domain.results.decision import corrected_hu
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula_training.cohort.labels import Task, reference_limits
from trabecula_training.cohort.table import Cohort, Patient
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.baselines import MEAN_HU, VBQ, Comparators, clinical_comparators
from trabecula_training.learning.tuning import TrainingSet

Floats = NDArray[np.float64]


FEW_LEVELS = "fewer than"
"""How the reason of a patient begins who has too few levels."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Patients of one task with their vectors.

    ``left_out`` names everybody who takes no part, and why. ``dropped`` are features removed for every patient
    because they were not stable or not finite.
    """

    layout: FeatureLayout
    patients: tuple[Patient, ...]
    data: TrainingSet
    comparators: Comparators
    left_out: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]


def usable_layout(
    table: FeatureTable, roles: Sequence[SeriesRole], aggregation: LevelAggregation, stable_only: bool = True
) -> tuple[FeatureLayout, tuple[str, ...]]:
    """Return the layout over the table's stable, finite features, and the names dropped.

    A feature is dropped when the lower bound of its ICC under perturbed masks is below the limit in any role, or when
    more than one row in twenty of these roles has no finite value. Neither uses a label. ``stable_only`` False (paper
    mode): features are kept whatever perturbed outlines do to them.
    """
    rows = np.array([role in roles for role in table.roles])
    if not rows.any():
        raise FeatureTableInvalid(f"it holds no rows of {', '.join(roles)}")
    finite = np.isfinite(table.values[rows]).mean(axis=0) >= 0.95
    limit = float(reference_limits()["icc_lower_bound_at_least"]["value"])
    stable = np.ones(len(table.names), dtype=bool)
    for role in roles if stable_only else ():
        if role in table.stability:
            stable &= table.stability[role] >= limit
    allowed = set(table.feature_names)
    kept = tuple(name for name, good in zip(table.names, finite & stable, strict=True) if good and name in allowed)
    if not kept:
        raise FeatureTableInvalid("no feature is both finite and stable")
    dropped = tuple(name for name in table.feature_names if name not in set(kept))
    return FeatureLayout(roles=tuple(roles), levels=MEASURED_LEVELS, aggregation=aggregation, features=kept), dropped


def make_dataset(
    cohort: Cohort, table: FeatureTable, layout: FeatureLayout, task: Task, dropped: tuple[str, ...] = ()
) -> Dataset:
    """Return the rows of the patients that have a label for ``task`` and enough usable levels."""
    vectors = patient_vectors(table, layout)
    patients: list[Patient] = []
    labels: list[int] = []
    left_out: list[tuple[str, str]] = []
    for patient in cohort.patients:
        label = None if patient.category is None else task.label(patient.category)
        vector = vectors.get(patient.patient)
        if label is None:
            left_out.append((patient.patient, f"{patient.category or 'no category'} takes no part in {task.name}"))
        elif vector is None:
            left_out.append((patient.patient, f"{FEW_LEVELS} {layout.min_levels} usable levels in a series it needs"))
        else:
            patients.append(patient)
            labels.append(label)
    names = tuple(patient.patient for patient in patients)
    features = np.stack([vectors[name] for name in names]) if names else np.zeros((0, len(layout.columns)))
    data = TrainingSet(features, np.array(labels, dtype=np.int64), names)
    return Dataset(
        layout=layout,
        patients=tuple(patients),
        data=data,
        comparators=_comparators(patients, table, layout),
        left_out=tuple(left_out),
        dropped=dropped,
    )


def patient_vectors(table: FeatureTable, layout: FeatureLayout) -> dict[str, Floats]:
    """Return the vector of every patient of the table who has enough usable levels."""
    position = {name: number for number, name in enumerate(table.names)}
    missing = [name for name in layout.features if name not in position]
    if missing:
        raise FeatureTableInvalid(f"it has no column {missing[0]}")
    order = [position[name] for name in layout.features]
    rows: dict[str, dict[tuple[SeriesRole, Level], Floats]] = {}
    for number, patient in enumerate(table.patients):
        place = (table.roles[number], table.levels[number])
        rows.setdefault(patient, {})[place] = table.values[number, order]
    made = {patient: layout.vector(values) for patient, values in rows.items()}
    return {patient: vector for patient, vector in made.items() if vector is not None}


def at_120_kvp(measured: Mapping[str, float], table: FeatureTable) -> dict[str, float]:
    """Return mean attenuations (HU) as the service compares them: at 120 kVp and without contrast agent.

    Patients whose tube voltage has no conversion have none. A table that does not say how its series were acquired is
    taken as it is.
    """
    thresholds = load_thresholds(None).attenuation
    found: dict[str, float] = {}
    for patient, value in measured.items():
        facts = table.facts.get((patient, SeriesRole.CT), {})
        kvp = facts.get("kvp")
        word = str(facts.get("contrast_phase", ContrastPhase.NATIVE))
        phase = ContrastPhase(word) if word in set(ContrastPhase) else ContrastPhase.DOUBTFUL
        converted = corrected_hu(value, kvp if isinstance(kvp, float | int) else None, phase, thresholds)
        if converted is not None:
            found[patient] = converted
    return found


def _comparators(patients: Sequence[Patient], table: FeatureTable, layout: FeatureLayout) -> Comparators:
    def column(values: Sequence[float | None]) -> Floats:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    biomarkers: dict[str, Floats] = {}
    for role in layout.roles:
        name = {SeriesRole.CT: "hu", SeriesRole.T1W: "vbq"}.get(role)
        measured = table.measure(name, role) if name else {}
        if role is SeriesRole.CT:
            measured = at_120_kvp(measured, table)
        if measured:
            label = MEAN_HU if role is SeriesRole.CT else VBQ
            biomarkers[label] = column([measured.get(patient.patient) for patient in patients])
    return clinical_comparators(
        column([patient.age_years for patient in patients]),
        column([float(patient.sex == "F") for patient in patients]),
        column([patient.weight_kg for patient in patients]),
        biomarkers,
    )
