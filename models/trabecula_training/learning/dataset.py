"""From cohort and feature table to what a task is trained on: one row per patient, with everybody left out named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.models.conditioning import Imputation
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
from trabecula_training.learning.conditioning.plan import (
    NOTHING,
    ConditioningChoice,
    ConditioningPlan,
    combat_patients_at_least,
)
from trabecula_training.learning.tuning import TrainingSet

Floats = NDArray[np.float64]


FEW_LEVELS = "fewer than"
"""How the reason of a patient begins who has too few levels."""

WITHHELD = "score withheld"
"""How the reason of a patient begins whose scanner was not in the fit of ComBat."""


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
    table: FeatureTable,
    roles: Sequence[SeriesRole],
    aggregation: LevelAggregation,
    stable_only: bool = True,
    impute: Imputation = Imputation.NONE,
    readers_above: float | None = None,
) -> tuple[FeatureLayout, tuple[str, ...]]:
    """Return the layout over the table's stable, finite features, and the names dropped.

    A feature is dropped when the lower bound of its ICC under perturbed masks, or between two readers, is below the
    limit in any role, or when more rows of these roles than data/references.toml allows have no finite value: fewer
    where nothing is filled in. Neither uses a label. ``stable_only`` False (paper mode): features are kept whatever
    perturbed outlines or another reader do to them, but for those whose ICC between two readers (the estimate) is not
    above ``readers_above``.
    """
    rows = np.array([role in roles for role in table.roles])
    if not rows.any():
        raise FeatureTableInvalid(f"it holds no rows of {', '.join(roles)}")
    limits, partial = reference_limits(), impute is not Imputation.NONE
    most = "missing_share_filled_at_most" if partial else "missing_share_at_most"
    finite = np.isfinite(table.values[rows]).mean(axis=0) >= 1 - float(limits[most]["value"])
    limit = float(limits["icc_lower_bound_at_least"]["value"])
    stable = np.ones(len(table.names), dtype=bool)
    for role in roles:
        if stable_only and role in table.stability:
            stable &= table.stability[role] >= limit
        if stable_only and role in table.readers:
            stable &= table.readers[role].low >= limit
        if readers_above is not None and role in table.readers:
            stable &= table.readers[role].estimate > readers_above
    allowed = set(table.feature_names)
    kept = tuple(name for name, good in zip(table.names, finite & stable, strict=True) if good and name in allowed)
    if not kept:
        raise FeatureTableInvalid("no feature is both finite and stable")
    dropped = tuple(name for name in table.feature_names if name not in set(kept))
    layout = FeatureLayout(
        roles=tuple(roles), levels=MEASURED_LEVELS, aggregation=aggregation, features=kept, partial=partial
    )
    return layout, dropped


def make_dataset(
    cohort: Cohort,
    table: FeatureTable,
    layout: FeatureLayout,
    task: Task,
    dropped: tuple[str, ...] = (),
    choice: ConditioningChoice = NOTHING,
    batches: tuple[str, ...] | None = None,
) -> Dataset:
    """Return the rows of the patients that have a label for ``task`` and enough usable levels.

    With ComBat, patients of a scanner (site) that is none of ``batches`` are withheld: None takes those of this cohort
    that have enough patients.
    """
    vectors = patient_vectors(table, layout)
    people, left_out = _able(cohort, vectors, layout, task)
    known = known_batches([patient for patient, _ in people], choice) if batches is None else batches
    reasons = [(patient.patient, _withheld(patient, choice, known)) for patient, _ in people]
    left_out += [(name, why) for name, why in reasons if why]
    kept = [pair for pair, (_, why) in zip(people, reasons, strict=True) if not why]
    patients = [patient for patient, _ in kept]
    names = tuple(patient.patient for patient in patients)
    features = np.stack([vectors[name] for name in names]) if names else np.zeros((0, len(layout.columns)))
    plan = _plan(layout, choice, known)
    matrix = features if plan is None else plan.matrix(features, patients, choice)
    data = TrainingSet(matrix, np.array([label for _, label in kept], dtype=np.int64), names, plan)
    return Dataset(
        layout=layout,
        patients=tuple(patients),
        data=data,
        comparators=_comparators(patients, table, layout),
        left_out=tuple(left_out),
        dropped=dropped,
    )


def _able(
    cohort: Cohort, vectors: Mapping[str, Floats], layout: FeatureLayout, task: Task
) -> tuple[list[tuple[Patient, int]], list[tuple[str, str]]]:
    """The patients that have a label and a vector, with their label, and why the others have not."""
    able: list[tuple[Patient, int]] = []
    left_out: list[tuple[str, str]] = []
    for patient in cohort.patients:
        label = None if patient.category is None else task.label(patient.category)
        if label is None:
            left_out.append((patient.patient, f"{patient.category or 'no category'} takes no part in {task.name}"))
        elif patient.patient not in vectors:
            left_out.append((patient.patient, f"{FEW_LEVELS} {layout.min_levels} usable levels in a series it needs"))
        else:
            able.append((patient, label))
    return able, left_out


def _plan(layout: FeatureLayout, choice: ConditioningChoice, batches: tuple[str, ...]) -> ConditioningPlan | None:
    if not choice.wanted:
        return None
    return ConditioningPlan(
        columns=len(layout.columns), impute=choice.impute, batches=batches, covariates=choice.covariates
    )


def known_batches(patients: Sequence[Patient], choice: ConditioningChoice) -> tuple[str, ...]:
    """Return the scanners (sites) with enough patients for ComBat, by name; none where it is not asked for."""
    if choice.batch is None:
        return ()
    counts = Counter(choice.batch_of(patient) for patient in patients)
    return tuple(sorted(name for name, count in counts.items() if name and count >= combat_patients_at_least()))


def _withheld(patient: Patient, choice: ConditioningChoice, known: tuple[str, ...]) -> str:
    """Why ComBat has no answer for a patient; empty where it has."""
    name = choice.batch_of(patient)
    if choice.batch is None or name in known:
        return ""
    if not name:
        return f"{WITHHELD}: the {choice.batch} is not named, and ComBat cannot guess it"
    return f"{WITHHELD}: {choice.batch} {name} was not in the fit of ComBat"


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
