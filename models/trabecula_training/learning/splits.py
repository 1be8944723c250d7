"""Cross-validation splits by patient: no person stands on both sides of any split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

Labels = NDArray[np.int64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """One division into training and test rows; ``repeat`` and ``fold`` count from 0."""

    repeat: int
    fold: int
    train: Indices
    test: Indices


def stratified_by_patient(
    labels: Labels, patients: Sequence[str], folds: int, repeats: int, seed: int, strata: Labels | None = None
) -> tuple[Split, ...]:
    """Return ``repeats`` times ``folds`` splits, stratified by label, all rows of a patient together.

    ``strata`` [row] are groups to balance by instead (label and scanner, one row a patient): each is dealt out evenly,
    however small, so that of n rows a fold never holds more than n / folds, rounded up.
    """
    groups = np.unique(np.asarray(patients), return_inverse=True)[1]
    alone = len(np.unique(groups)) == len(groups)
    splits: list[Split] = []
    for repeat in range(repeats):
        if strata is not None and strata is not labels:
            splits.extend(_dealt(strata, folds, repeat, seed + 1000 * repeat))
            continue
        kind = StratifiedKFold if alone else StratifiedGroupKFold
        splitter = kind(folds, shuffle=True, random_state=seed + 1000 * repeat)
        parts = splitter.split(np.zeros(len(labels)), labels, None if alone else groups)
        splits.extend(Split(repeat, fold, train, test) for fold, (train, test) in enumerate(parts))
    return tuple(splits)


def _dealt(strata: Labels, folds: int, repeat: int, seed: int) -> list[Split]:
    """Every stratum shuffled and dealt out, each beginning where the one before it ended."""
    generator = np.random.default_rng(seed)
    order = np.concatenate([generator.permutation(np.flatnonzero(strata == name)) for name in np.unique(strata)])
    fold_of = np.empty(len(strata), dtype=np.int64)
    fold_of[order] = np.arange(len(order)) % folds
    return [
        Split(repeat, fold, np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)
    ]


def one_site_out(sites: Sequence[str], labels: Labels) -> dict[str, Split]:
    """Return one split per site with both classes inside and outside; empty for fewer than two sites."""
    names = sorted(set(sites))
    if len(names) < 2:
        return {}
    splits: dict[str, Split] = {}
    for number, name in enumerate(names):
        inside = np.asarray(sites) == name
        if len(np.unique(labels[inside])) == 2 and len(np.unique(labels[~inside])) == 2:
            splits[name] = Split(0, number, np.flatnonzero(~inside), np.flatnonzero(inside))
    return splits
