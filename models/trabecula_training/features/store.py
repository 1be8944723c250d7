"""Kept extractions: one file for each study, so that a broken-off run goes on and no study is measured twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula.files import whole_file
from trabecula_training.features.perturbation import Perturbed
from trabecula_training.features.table import UNREADABLE, Facts

_SUFFIX = ".npz"


@dataclass(frozen=True, kw_only=True)
class PatientFeatures:
    """What one patient gave; ``problem`` says why there is nothing.

    ``features`` maps (series, level) to float64 ``[feature]``, ``measures`` to the biomarkers of ``MEASURES``.
    ``readers`` has, of every body that both readers outlined, the features of the first and the second, [reader,
    feature]. ``settled`` is False where another try may end otherwise (a file that could not be read): such is never
    kept.
    """

    patient: str
    features: Mapping[tuple[SeriesRole, Level], NDArray[np.float64]] = field(default_factory=dict)
    measures: Mapping[tuple[SeriesRole, Level], tuple[float, ...]] = field(default_factory=dict)
    facts: Mapping[SeriesRole, Facts] = field(default_factory=dict)
    perturbed: Mapping[SeriesRole, tuple[Perturbed, ...]] = field(default_factory=dict)
    readers: Mapping[SeriesRole, tuple[Perturbed, ...]] = field(default_factory=dict)
    problem: str = ""
    settled: bool = True


@dataclass(frozen=True)
class ExtractionStore:
    """A folder of kept extractions. ``made_by`` is a digest of everything that shapes them: segmenter, settings,
    version. Files are named after ``made_by`` and the study's files; no file names a patient."""

    folder: Path
    made_by: str

    def find(self, patient: str, study: Path, perturbed: bool, masks: Sequence[Path] = ()) -> PatientFeatures | None:
        """Return what was kept of a study with these masks, or None. One kept with perturbations also serves those who
        need none."""
        for wanted in (True,) if perturbed else (False, True):
            path = self._path(study, wanted, masks)
            if path.is_file():
                try:
                    return _read(path, patient)
                except UNREADABLE:
                    return None
        return None

    def keep(self, found: PatientFeatures, study: Path, perturbed: bool, masks: Sequence[Path] = ()) -> None:
        """Write what was found, whole or not at all; what may end otherwise next time is not kept."""
        if not found.settled:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self._path(study, perturbed, masks)) as file:
            np.savez_compressed(file, **_arrays(found))

    def _path(self, study: Path, perturbed: bool, masks: Sequence[Path]) -> Path:
        drawn = "".join(f"|{hashlib.sha256(mask.read_bytes()).hexdigest()}" for mask in masks)
        whole = f"{self.made_by}|{perturbed}|{study_fingerprint(study)}{drawn}"
        digest = hashlib.sha256(whole.encode()).hexdigest()
        return self.folder / f"{digest[:32]}{_SUFFIX}"


def study_fingerprint(study: Path) -> str:
    """Names, sizes and times of all files below a folder: changes when any of them does."""
    files = sorted(path for path in study.rglob("*") if path.is_file())
    facts = [(path.relative_to(study).as_posix(), path.stat()) for path in files]
    return "\n".join(f"{name}|{state.st_size}|{state.st_mtime_ns}" for name, state in facts)


def _arrays(found: PatientFeatures) -> dict[str, Any]:
    places = list(found.features)
    meta = {
        "problem": found.problem,
        "places": [[str(role), str(level)] for role, level in places],
        "facts": {str(role): dict(facts) for role, facts in found.facts.items()},
        "perturbed": [[str(role), len(bodies)] for role, bodies in found.perturbed.items()],
        "readers": [[str(role), len(bodies)] for role, bodies in found.readers.items()],
    }
    return {
        "values": np.stack([found.features[place] for place in places]) if places else np.zeros((0, 0)),
        "measures": np.array([found.measures[place] for place in places], dtype=np.float64),
        "perturbed": _stacked(found.perturbed),
        "readers": _stacked(found.readers),
        "meta": np.array(json.dumps(meta)),
    }


def _stacked(groups: Mapping[SeriesRole, tuple[Perturbed, ...]]) -> Perturbed:
    bodies = [body for group in groups.values() for body in group]
    return np.stack(bodies) if bodies else np.zeros((0, 0, 0))


def _by_role(counts: Sequence[tuple[str, int]], bodies: Perturbed) -> dict[SeriesRole, tuple[Perturbed, ...]]:
    groups: dict[SeriesRole, tuple[Perturbed, ...]] = {}
    first = 0
    for role, count in counts:
        groups[SeriesRole(role)] = tuple(bodies[first : first + count])
        first += count
    return groups


def _read(path: Path, patient: str) -> PatientFeatures:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        meta: dict[str, Any] = json.loads(str(arrays["meta"]))
        values, measures = arrays["values"], arrays["measures"]
        perturbed = _by_role(meta["perturbed"], arrays["perturbed"])
        readers = _by_role(meta.get("readers", []), arrays["readers"]) if "readers" in arrays else {}
    places = [(SeriesRole(role), Level[level]) for role, level in meta["places"]]
    return PatientFeatures(
        patient=patient,
        features=dict(zip(places, values, strict=True)),
        measures={place: tuple(float(value) for value in row) for place, row in zip(places, measures, strict=True)},
        facts={SeriesRole(role): dict(facts) for role, facts in meta["facts"].items()},
        perturbed=perturbed,
        readers=readers,
        problem=str(meta["problem"]),
    )
