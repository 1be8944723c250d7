"""Feature tables: one row per patient, level and series, features as columns; what extraction writes and recipes read.

Columns named ``measure_...`` (``measure_hu``, ``measure_vbq``) are biomarkers for the baselines, never model features.
A column ``crops_...`` stands for the pictures of one series, which lie in a crop bank of that digest.
"""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula_training.errors import FeatureTableInvalid

Floats = NDArray[np.float64]
Facts = Mapping[str, str | float]

MEASURE_PREFIX, CROPS_PREFIX = "measure_", "crops_"

UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)
"""What zipfile, zlib, numpy and json raise for damaged files."""


@dataclass(frozen=True)
class ReaderAgreement:
    """ICC(2,1) between two readers over ``bodies`` vertebral bodies: ``values`` [3, name] are the estimate and the two
    ends of its 95 % interval."""

    bodies: int
    values: Floats

    @property
    def estimate(self) -> Floats:
        """The ICC of each name."""
        return np.asarray(self.values[0])

    @property
    def low(self) -> Floats:
        """The lower end of its interval."""
        return np.asarray(self.values[1])


@dataclass(frozen=True, kw_only=True)
class FeatureTable:
    """Features of many patients.

    ``values`` is float64 [row, name]; ``patients``, ``levels`` and ``roles`` name the rows. ``facts`` holds, per
    (patient, role), how the series was acquired (``SourceSeries.acquisition``). ``stability`` maps a role to the lower
    bound of each name's ICC(2,1) under perturbed masks. ``settings_sha256``, ``regions`` and ``ibsi`` say how the
    features were made; ``readers`` how far two readers agree. ``absent`` maps patients who were measured and gave no
    row to the reason.
    """

    names: tuple[str, ...]
    patients: tuple[str, ...]
    levels: tuple[Level, ...]
    roles: tuple[SeriesRole, ...]
    values: Floats
    settings_sha256: str
    regions: str
    facts: Mapping[tuple[str, SeriesRole], Facts] = field(default_factory=dict)
    stability: Mapping[SeriesRole, Floats] = field(default_factory=dict)
    ibsi: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    readers: Mapping[SeriesRole, ReaderAgreement] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows, columns = len(self.patients), len(self.names)
        if self.values.shape != (rows, columns) or len(self.levels) != rows or len(self.roles) != rows:
            raise FeatureTableInvalid(f"values {self.values.shape} do not fit {rows} rows and {columns} names")
        if len(set(self.names)) != columns:
            raise FeatureTableInvalid("two columns have the same name")
        if len(set(zip(self.patients, self.levels, self.roles, strict=True))) != rows:
            raise FeatureTableInvalid("two rows are of the same patient, level and series")
        if any(len(bounds) != columns for bounds in self.stability.values()):
            raise FeatureTableInvalid("stability has not one number per column")
        if any(found.values.shape != (3, columns) for found in self.readers.values()):
            raise FeatureTableInvalid("the readers' agreement has not three numbers per column")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that models may read, in order."""
        return tuple(name for name in self.names if not name.startswith(MEASURE_PREFIX))

    def sha256(self) -> str:
        """Digest of names, rows and values."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        rows = zip(self.patients, self.levels, self.roles, strict=True)
        digest.update("\n".join(f"{patient}|{level}|{role}" for patient, level, role in rows).encode())
        digest.update(np.ascontiguousarray(self.values).tobytes())
        return digest.hexdigest()

    def measure(self, name: str, role: SeriesRole) -> dict[str, float]:
        """Return patient -> mean over levels of the biomarker column ``measure_<name>``; empty without the column."""
        column = MEASURE_PREFIX + name
        if column not in self.names:
            return {}
        values = self.values[:, self.names.index(column)]
        found: dict[str, list[float]] = {}
        for patient, row_role, value in zip(self.patients, self.roles, values, strict=True):
            if row_role is role and np.isfinite(value):
                found.setdefault(patient, []).append(float(value))
        return {patient: float(np.mean(list_)) for patient, list_ in found.items()}


def save_features(table: FeatureTable, path: Path) -> None:
    """Write the table as ``.npz`` (numpy arrays and one JSON text; no pickle)."""
    meta = {
        "settings_sha256": table.settings_sha256,
        "regions": table.regions,
        "ibsi": dict(table.ibsi),
        "facts": [[patient, str(role), dict(facts)] for (patient, role), facts in table.facts.items()],
        "stability_roles": [str(role) for role in table.stability],
        "absent": dict(table.absent),
        "readers": [[str(role), found.bodies] for role, found in table.readers.items()],
    }
    agreed = [found.values for found in table.readers.values()]
    bounds = list(table.stability.values())
    np.savez_compressed(
        path,
        names=np.array(table.names, dtype=np.str_),
        patients=np.array(table.patients, dtype=np.str_),
        levels=np.array([str(level) for level in table.levels], dtype=np.str_),
        roles=np.array([str(role) for role in table.roles], dtype=np.str_),
        values=table.values,
        stability=np.stack(bounds) if bounds else np.zeros((0, len(table.names))),
        readers=np.stack(agreed) if agreed else np.zeros((0, 3, len(table.names))),
        meta=np.array(json.dumps(meta)),
    )


def load_npz(path: Path) -> FeatureTable:
    """Return the table of an ``.npz`` file. Raises one of UNREADABLE for anything else, and FeatureTableInvalid."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        meta: dict[str, Any] = json.loads(str(arrays["meta"]))
        roles = [SeriesRole(role) for role in meta["stability_roles"]]
        agreed = arrays.get("readers", ())
        return FeatureTable(
            names=tuple(str(name) for name in arrays["names"]),
            patients=tuple(str(name) for name in arrays["patients"]),
            levels=tuple(Level[str(name)] for name in arrays["levels"]),
            roles=tuple(SeriesRole(str(name)) for name in arrays["roles"]),
            values=np.asarray(arrays["values"], dtype=np.float64),
            settings_sha256=str(meta["settings_sha256"]),
            regions=str(meta["regions"]),
            facts={(str(patient), SeriesRole(role)): dict(facts) for patient, role, facts in meta["facts"]},
            stability=dict(zip(roles, np.asarray(arrays["stability"], dtype=np.float64), strict=True)),
            ibsi={str(key): str(value) for key, value in meta["ibsi"].items()},
            readers={
                SeriesRole(role): ReaderAgreement(int(bodies), np.asarray(values, dtype=np.float64))
                for (role, bodies), values in zip(meta.get("readers", []), agreed, strict=True)
            },
            absent={str(key): str(value) for key, value in dict(meta.get("absent", {})).items()},
        )
