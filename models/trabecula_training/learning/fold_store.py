"""Finished outer folds on disk, so that a run that was killed goes on where it stopped; no pickle, no name."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trabecula.files import whole_file
from trabecula_training.learning.splits import Split
from trabecula_training.learning.tuning import TrainingSet

_FORMAT = 2
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


@dataclass(frozen=True, kw_only=True)
class FoldPrediction:
    """What one model said of the test patients of one outer fold.

    ``decisions`` are 0 or 1 at the thresholds frozen on the inner folds; ``columns`` those that it read.
    """

    split: Split
    scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    probabilities: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    decisions: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]
    candidate: str
    columns: tuple[int, ...]


FoldOutcome = dict[str, FoldPrediction]
"""What every model and comparator said in one outer fold."""


@dataclass(frozen=True)
class FoldStore:
    """A folder of finished folds. ``made_by`` is a digest of everything that shapes them."""

    folder: Path
    made_by: str

    def find(self, split: Split) -> FoldOutcome | None:
        """Return what was kept of a fold, or None where there is nothing or it is damaged."""
        try:
            with self._path(split).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return _read(arrays, split)
        except _UNREADABLE:
            return None

    def keep(self, split: Split, outcome: FoldOutcome) -> None:
        """Write what a fold gave, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self._path(split)) as file:
            np.savez_compressed(file, **_arrays(outcome))

    def _path(self, split: Split) -> Path:
        return self.folder / f"{self.made_by[:32]}-{split.repeat:03d}-{split.fold:03d}.npz"


def fold_store(folder: Path, data: TrainingSet, what: Mapping[str, str]) -> FoldStore:
    """Return the store of a task: ``what`` names recipe, classifiers, comparators, settings and versions."""
    digest = hashlib.sha256(json.dumps([_FORMAT, dict(sorted(what.items()))]).encode())
    digest.update(np.ascontiguousarray(data.features).tobytes())
    digest.update(np.ascontiguousarray(data.labels).tobytes())
    digest.update("\n".join(data.patients).encode())
    return FoldStore(folder, digest.hexdigest())


def _arrays(outcome: FoldOutcome) -> dict[str, Any]:
    meta = [
        {"name": name, "candidate": made.candidate, "points": list(made.decisions)} for name, made in outcome.items()
    ]
    found: dict[str, Any] = {"meta": np.array(json.dumps(meta))}
    for number, made in enumerate(outcome.values()):
        found[f"scores_{number}"] = made.scores
        found[f"probabilities_{number}"] = made.probabilities
        found[f"columns_{number}"] = np.array(made.columns, dtype=np.int64)
        found[f"decisions_{number}"] = np.array(list(made.decisions.values()), dtype=np.bool_)
    return found


def _read(arrays: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]], split: Split) -> FoldOutcome:
    outcome: FoldOutcome = {}
    for number, entry in enumerate(json.loads(str(arrays["meta"]))):
        scores = np.asarray(arrays[f"scores_{number}"], dtype=np.float64)
        if len(scores) != len(split.test):
            raise ValueError("another fold")
        decided = np.asarray(arrays[f"decisions_{number}"], dtype=np.bool_)
        outcome[str(entry["name"])] = FoldPrediction(
            split=split,
            scores=scores,
            probabilities=np.asarray(arrays[f"probabilities_{number}"], dtype=np.float64),
            decisions=dict(zip(map(str, entry["points"]), decided, strict=True)),
            candidate=str(entry["candidate"]),
            columns=tuple(int(column) for column in arrays[f"columns_{number}"].tolist()),
        )
    return outcome
