"""How stable the choice of features is over folds, and how much each chosen feature depends on the scanner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula_training.learning.nested_cv import NestedResult

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

MOST_SHOWN = 20
FEWEST_OF_A_SCANNER = 5
"""Patients of a scanner below which its mean says nothing."""


@dataclass(frozen=True, kw_only=True)
class FeatureStability:
    """One column: the share of outer folds that chose it, and the share of its variance within the classes that lies
    between scanners (eta squared; NaN with fewer than two scanners of five patients)."""

    column: str
    folds: float
    between_scanners: float


@dataclass(frozen=True)
class SelectionStability:
    """The choice as a whole: Nogueira's index (1: always the same columns, 0: as by chance), and the columns."""

    index: float
    columns: tuple[FeatureStability, ...]


def selection_stability_of(
    result: NestedResult, columns: Sequence[str], features: Floats, labels: Labels, scanners: Sequence[str]
) -> SelectionStability:
    """Return the stability of a classifier's selection over its outer folds, the columns chosen most often first."""
    chosen = np.zeros((len(result.folds), len(columns)), dtype=bool)
    for number, fold in enumerate(result.folds):
        chosen[number, list(fold.columns)] = True
    share = chosen.mean(axis=0)
    order = [int(place) for place in np.argsort(-share, kind="stable") if share[place] > 0][:MOST_SHOWN]
    return SelectionStability(
        nogueira(chosen),
        tuple(
            FeatureStability(
                column=columns[place],
                folds=float(share[place]),
                between_scanners=between_scanners(features[:, place], labels, scanners),
            )
            for place in order
        ),
    )


def nogueira(chosen: NDArray[np.bool_]) -> float:
    """Return the stability of selections [fold, column] (Nogueira 2018, J Mach Learn Res 18:174, equation 4)."""
    folds, columns = chosen.shape
    share = chosen.mean(axis=0)
    mean_size = float(chosen.sum(axis=1).mean())
    chance = mean_size / columns * (1 - mean_size / columns)
    if folds < 2 or chance <= 0:
        return float("nan")
    spread = folds / (folds - 1) * share * (1 - share)
    return float(1 - spread.mean() / chance)


def between_scanners(values: Floats, labels: Labels, scanners: Sequence[str]) -> float:
    """Return eta squared of the scanner on values from which the mean of each class was taken."""
    named = np.asarray(scanners)
    enough = [name for name in sorted(set(scanners) - {""}) if (named == name).sum() >= FEWEST_OF_A_SCANNER]
    inside = np.isin(named, enough) & np.isfinite(values)
    if len(enough) < 2:
        return float("nan")
    rest = values[inside].astype(np.float64)
    for label in (0, 1):
        of_class = labels[inside] == label
        rest[of_class] -= rest[of_class].mean() if of_class.any() else 0.0
    total = float(((rest - rest.mean()) ** 2).sum())
    parts = [rest[named[inside] == name] for name in enough]
    between = sum(len(part) * float(part.mean() - rest.mean()) ** 2 for part in parts)
    return between / total if total > 1e-12 else float("nan")
