"""The questions that the studies ask: what a model adds, who the classes are, which features and which input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from trabecula_training.evaluation.added_value import AddedValue, added_values
from trabecula_training.evaluation.characteristics import Characteristic, characteristics
from trabecula_training.evaluation.feature_stability import SelectionStability, selection_stability_of
from trabecula_training.evaluation.metrics import test_share
from trabecula_training.learning.dataset import Dataset
from trabecula_training.learning.nested_cv import NestedResult
from trabecula_training.statistics.resampling import CorrectedTest, nadeau_bengio
from trabecula_training.statistics.roc import PairedDifference, delong_paired


@dataclass(frozen=True, kw_only=True)
class Questions:
    """The answers of one input and task, by classifier where a classifier is asked."""

    characteristics: tuple[Characteristic, ...] = ()
    added: Mapping[str, tuple[AddedValue, ...]] = field(default_factory=dict)
    selection: Mapping[str, SelectionStability] = field(default_factory=dict)


def answered(
    results: Mapping[str, NestedResult], dataset: Dataset, families: Sequence[str], seed: int, resamples: int
) -> Questions:
    """Return the answers of a sound task."""
    scanners = [patient.scanner for patient in dataset.patients]
    data, columns = dataset.data, dataset.layout.columns
    return Questions(
        characteristics=characteristics(dataset.patients, data.labels, dataset.comparators),
        added={name: added_values(name, results, dataset.comparators, seed, resamples) for name in families},
        selection={
            name: selection_stability_of(results[name], columns, data.features, data.labels, scanners)
            for name in families
            if len(columns) > 1
        },
    )


@dataclass(frozen=True, kw_only=True)
class InputComparison:
    """The same classifier and task on two inputs: AUC of ``first`` minus that of ``second``, on the patients who have
    both. ``folds`` is None where the two were not divided alike (other patients), and DeLong's stands alone."""

    task: str
    model: str
    first: str
    second: str
    n_patients: int
    paired: PairedDifference
    folds: CorrectedTest | None


@dataclass(frozen=True)
class InputResults:
    """What one input gave for one task."""

    input: str
    task: str
    dataset: Dataset
    results: Mapping[str, NestedResult]
    families: tuple[str, ...]


def input_comparisons(found: Sequence[InputResults]) -> tuple[InputComparison, ...]:
    """Return every pair of inputs of a task, for every classifier that both ran."""
    made: list[InputComparison] = []
    for task in dict.fromkeys(item.task for item in found):
        same = [item for item in found if item.task == task]
        for first, second in combinations(same, 2):
            shared = [name for name in first.families if name in second.families]
            made += [pair for name in shared if (pair := _compared(first, second, name)) is not None]
    return tuple(made)


def _compared(first: InputResults, second: InputResults, name: str) -> InputComparison | None:
    one, other = first.results[name], second.results[name]
    places = {patient.patient: place for place, patient in enumerate(second.dataset.patients)}
    rows = [row for row, patient in enumerate(first.dataset.patients) if patient.patient in places]
    others = [places[first.dataset.patients[row].patient] for row in rows]
    labels = one.labels[rows]
    if min((labels == 1).sum(), (labels == 0).sum()) < 2:
        return None
    alike = first.dataset.data.patients == second.dataset.data.patients and len(one.folds) > 1
    folds = nadeau_bengio(one.fold_aucs - other.fold_aucs, test_share(one)) if alike else None
    return InputComparison(
        task=first.task,
        model=name,
        first=first.input,
        second=second.input,
        n_patients=len(rows),
        paired=delong_paired(labels, one.pooled_ranks[np.array(rows)], other.pooled_ranks[np.array(others)]),
        folds=folds,
    )
