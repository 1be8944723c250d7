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
    labels: Labels, patients: Sequence[str], folds: int, repeats: int, seed: int
) -> tuple[Split, ...]:
    """Return ``repeats`` times ``folds`` splits, stratified by label, all rows of a patient together."""
    groups = np.unique(np.asarray(patients), return_inverse=True)[1]
    alone = len(np.unique(groups)) == len(groups)
    splits: list[Split] = []
    for repeat in range(repeats):
        kind = StratifiedKFold if alone else StratifiedGroupKFold
        splitter = kind(folds, shuffle=True, random_state=seed + 1000 * repeat)
        parts = splitter.split(np.zeros(len(labels)), labels, None if alone else groups)
        splits.extend(Split(repeat, fold, train, test) for fold, (train, test) in enumerate(parts))
    return tuple(splits)


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
