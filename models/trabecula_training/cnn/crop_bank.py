"""The crops of a cohort: per patient and series the bodies' pictures, saved without pickle, and their table.

The table has one feature: the number of the group of crops, the same in every level's row. So the machinery of the
radiomics recipes (cohort, folds, baselines, calibration, report) runs on models of images unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula.scoring.crops.definition import CropDefinition, crop_definition_of
from trabecula.scoring.crops.statistics import study_statistics
from trabecula.scoring.crops.vertebra import Crop, resized
from trabecula_training.cohort.labels import BoneCategory, category_by_t_score
from trabecula_training.cohort.table import Cohort
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.table import CROPS_PREFIX, MEASURE_PREFIX, UNREADABLE, Facts, FeatureTable


@dataclass(frozen=True, eq=False, kw_only=True)
class CropGroup:
    """The crops of one patient in one series, by level; ``vbq`` of each level (NaN where not measured) is the
    baseline, ``facts`` say how the series was acquired."""

    patient: str
    role: SeriesRole
    levels: tuple[Level, ...]
    crops: tuple[Crop, ...]
    vbq: tuple[float, ...]
    facts: Facts
    osteoporosis: tuple[bool | None, ...] = ()
    """Of each level by its own T-score, None where it has none; empty where nobody asked. Never saved."""


@dataclass(frozen=True, eq=False)
class CropBank:
    """All groups of a cohort, cut by one definition; ``absent`` maps patients without any to the reason."""

    groups: tuple[CropGroup, ...]
    definition: CropDefinition
    absent: Mapping[str, str] = field(default_factory=dict)

    def sha256(self) -> str:
        """Digest of definition, names and every pixel."""
        digest = hashlib.sha256(self.definition.sha256.encode())
        for group in self.groups:
            levels = ",".join(map(str, group.levels))
            digest.update(f"|{group.patient}|{group.role}|{levels}|".encode())
            for crop in group.crops:
                digest.update(
                    f"{crop.image.shape}{crop.pixel_mm}".encode() + np.ascontiguousarray(crop.image).tobytes()
                )
        return digest.hexdigest()

    def labelled(self, cohort: Cohort) -> CropBank:
        """Return the same crops with what the T-score of each vertebra itself says (cohort.csv: t_score_l1 ...)."""
        scores = {patient.patient: dict(patient.level_t_scores) for patient in cohort.patients}
        groups = tuple(
            replace(
                group, osteoporosis=tuple(_by_score(scores.get(group.patient, {}).get(name)) for name in group.levels)
            )
            for group in self.groups
        )
        return replace(self, groups=groups)

    def statistics(self) -> NDArray[np.float64]:
        """Return the mean crop statistics of each group, [group, statistic]."""
        return np.stack([study_statistics(group.crops) for group in self.groups])

    def table(self) -> FeatureTable:
        """Return the table whose one feature is the number of the group. Raises FeatureTableInvalid when empty."""
        rows = [
            (group, level, number, vbq)
            for number, group in enumerate(self.groups)
            for level, vbq in zip(group.levels, group.vbq, strict=True)
        ]
        if not rows:
            raise FeatureTableInvalid("no study of the cohort gave crops")
        return FeatureTable(
            names=(CROPS_PREFIX + self.sha256(), MEASURE_PREFIX + "vbq"),
            patients=tuple(group.patient for group, _, _, _ in rows),
            levels=tuple(level for _, level, _, _ in rows),
            roles=tuple(group.role for group, _, _, _ in rows),
            values=np.array([[number, vbq] for _, _, number, vbq in rows], dtype=np.float64),
            settings_sha256=self.definition.sha256,
            regions=self.definition.name,
            facts={(group.patient, group.role): group.facts for group in self.groups},
            absent=self.absent,
        )


@lru_cache(maxsize=4)
def squares(bank: CropBank, size: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return every crop as a square, float32 [crop, size, size] in 0-1, and the number of each crop's group."""
    images = [resized(crop, size) for group in bank.groups for crop in group.crops]
    owners = [number for number, group in enumerate(bank.groups) for _ in group.crops]
    return np.stack(images), np.array(owners, dtype=np.int64)


def _by_score(t_score: float | None) -> bool | None:
    return None if t_score is None else category_by_t_score(t_score) is BoneCategory.OSTEOPOROSIS


def save_crops(bank: CropBank, target: Path | BinaryIO) -> None:
    """Write the bank as ``.npz``: pictures end to end as float32, everything else as one JSON text; no pickle."""
    images = [crop.image for group in bank.groups for crop in group.crops]
    groups = [
        {
            "patient": group.patient,
            "role": str(group.role),
            "levels": [str(level) for level in group.levels],
            "shapes": [list(crop.image.shape) for crop in group.crops],
            "pixel_mm": [list(crop.pixel_mm) for crop in group.crops],
            "vbq": [value if np.isfinite(value) else None for value in group.vbq],
            "facts": dict(group.facts),
        }
        for group in bank.groups
    ]
    meta = {
        "definition": bank.definition.name,
        "definition_sha256": bank.definition.sha256,
        "groups": groups,
        "absent": dict(bank.absent),
    }
    pixels = np.concatenate([image.ravel() for image in images]) if images else np.zeros(0, np.float32)
    np.savez_compressed(target, pixels=pixels.astype(np.float32), meta=np.array(json.dumps(meta)))


def load_crops(path: Path) -> CropBank:
    """Return a saved bank. Raises FeatureTableInvalid for a damaged file or a definition this version lacks."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            meta: dict[str, Any] = json.loads(str(arrays["meta"]))
            pixels = np.asarray(arrays["pixels"], dtype=np.float32)
        definition = crop_definition_of(meta["definition_sha256"])
        if definition is None:
            raise FeatureTableInvalid(f"{path.name}: crops of {meta['definition']} in another version of it")
        absent = {str(name): str(why) for name, why in meta["absent"].items()}
        return CropBank(_groups(meta["groups"], pixels), definition, absent)
    except UNREADABLE as error:
        raise FeatureTableInvalid(f"{path.name}: {error}") from error


def _groups(documents: Sequence[Mapping[str, Any]], pixels: NDArray[np.float32]) -> tuple[CropGroup, ...]:
    groups: list[CropGroup] = []
    start = 0
    for item in documents:
        crops: list[Crop] = []
        for (rows, columns), (down, along) in zip(item["shapes"], item["pixel_mm"], strict=True):
            end = start + int(rows) * int(columns)
            crops.append(Crop(pixels[start:end].reshape(int(rows), int(columns)), (float(down), float(along))))
            start = end
        groups.append(
            CropGroup(
                patient=str(item["patient"]),
                role=SeriesRole(item["role"]),
                levels=tuple(Level[name] for name in item["levels"]),
                crops=tuple(crops),
                vbq=tuple(float("nan") if value is None else float(value) for value in item["vbq"]),
                facts=dict(item["facts"]),
            )
        )
    if start != len(pixels):
        raise ValueError("pixels and shapes do not fit")
    return tuple(groups)


def merged(banks: Sequence[CropBank]) -> CropBank:
    """Return the groups of several banks of one definition, in order."""
    (definition,) = {bank.definition for bank in banks}
    absent = {name: why for bank in banks for name, why in bank.absent.items()}
    return CropBank(tuple(group for bank in banks for group in bank.groups), definition, absent)
