"""Folders of real volumes to learn from: what ``real.toml`` says of licence, source, patients and labels."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trabecula.domain.errors import GeometryInvalid, InputUnreadable
from trabecula.domain.modality import Modality
from trabecula.domain.spine import Level
from trabecula.imaging.volumes.files import read_volume_file
from trabecula_training.errors import RealDataInvalid
from trabecula_training.segmenter.real.data import RealCase

FACTS = "real.toml"
_KEYS = {"folder", "licence", "attribution", "patient_pattern", "modality", "outlines", "labels"}
_SAME_MM = 0.1


@dataclass(frozen=True, kw_only=True)
class RealSource:
    """What the card says of a folder: its licence and whom to name, how much it holds, and the digest of its files."""

    name: str
    licence: str
    attribution: str
    volumes: int
    patients: int
    digest: str


@dataclass(frozen=True, eq=False)
class PatientCase:
    """A labelled volume and whose it is (the folder's name with the patient's)."""

    patient: str
    case: RealCase


@dataclass(frozen=True, eq=False)
class RealFolder:
    """A folder that was read: what the card says of it, and its volumes in the order of their names."""

    source: RealSource
    cases: tuple[PatientCase, ...]


def read_real_folder(path: Path) -> RealFolder:
    """Read a folder with a ``real.toml``, or such a file that names its ``folder``; raises RealDataInvalid.

    Volumes are pairs ``NAME_image`` and ``NAME_truth`` (NIfTI). Without ``patient_pattern`` (its first group is the
    patient) every volume is a patient of its own.
    """
    note = path / FACTS if path.is_dir() else path
    facts = _facts(note)
    folder = note.parent / str(facts["folder"]) if "folder" in facts else note.parent
    images = sorted(folder.glob("*_image.nii*"))
    if not images:
        raise RealDataInvalid(f"{folder} holds no NAME_image.nii.gz")
    labels, pattern = _label_table(note, facts), _pattern(note, facts)
    cases, digest = [], hashlib.sha256(note.read_bytes())
    for image in images:
        truth = image.with_name(image.name.replace("_image.nii", "_truth.nii"))
        if not truth.is_file():
            raise RealDataInvalid(f"{image.name} has no {truth.name} beside it")
        name = image.name.partition("_image.nii")[0]
        cases.append(PatientCase(_patient(folder, name, pattern), _read(folder, name, (image, truth), facts, labels)))
        for part in (image, truth):
            digest.update(hashlib.sha256(part.read_bytes()).digest())
    source = RealSource(
        name=folder.name,
        licence=str(facts["licence"]),
        attribution=str(facts["attribution"]),
        volumes=len(cases),
        patients=len({case.patient for case in cases}),
        digest=digest.hexdigest(),
    )
    return RealFolder(source, tuple(cases))


def _facts(note: Path) -> Mapping[str, Any]:
    if not note.is_file():
        raise RealDataInvalid(f"there is no {note}; it must state licence and attribution")
    try:
        facts = tomllib.loads(note.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RealDataInvalid(f"{note} is not TOML: {error}") from error
    if unknown := set(facts) - _KEYS:
        raise RealDataInvalid(f"{note} holds {', '.join(sorted(unknown))}; known are {', '.join(sorted(_KEYS))}")
    for key in ("licence", "attribution"):
        if not isinstance(facts.get(key), str) or not facts[key].strip():
            raise RealDataInvalid(f"{note} states no {key}")
    if facts.get("outlines", "bodies") not in ("bodies", "vertebrae"):
        raise RealDataInvalid(f'{note}: outlines are "bodies" or "vertebrae", not {facts["outlines"]!r}')
    if facts.get("modality", "MR") not in [modality.value for modality in Modality]:
        raise RealDataInvalid(f"{note}: the modality is CT or MR, not {facts['modality']!r}")
    return facts


def _label_table(note: Path, facts: Mapping[str, Any]) -> dict[int, int]:
    """The folder's integers and ours; empty where they are ours already."""
    table, found = facts.get("labels", {}), {}
    if not isinstance(table, dict):
        raise RealDataInvalid(f"{note}: labels is a table of integers and levels")
    for value, level in table.items():
        if not value.isdecimal() or level not in Level.__members__:
            raise RealDataInvalid(f"{note}: label {value} = {level!r} is no integer of a level (L5, T12, S1, ...)")
        found[int(value)] = Level[level].label
    return found


def _pattern(note: Path, facts: Mapping[str, Any]) -> re.Pattern[str] | None:
    if "patient_pattern" not in facts:
        return None
    try:
        pattern = re.compile(str(facts["patient_pattern"]))
    except re.error as error:
        raise RealDataInvalid(f"{note}: patient_pattern: {error}") from error
    if not pattern.groups:
        raise RealDataInvalid(f"{note}: patient_pattern has no group in brackets that is the patient")
    return pattern


def _patient(folder: Path, name: str, pattern: re.Pattern[str] | None) -> str:
    found = pattern.search(name) if pattern else None
    if pattern and (found is None or not found[1]):
        raise RealDataInvalid(f"patient_pattern finds no patient in {name}")
    return f"{folder.name}/{found[1] if found else name}"


def _read(
    folder: Path, name: str, files: tuple[Path, Path], facts: Mapping[str, Any], labels: Mapping[int, int]
) -> RealCase:
    modality = Modality(facts["modality"]) if "modality" in facts else None
    try:
        volume = read_volume_file(files[0], modality).volume
        outlined = read_volume_file(files[1], volume.modality).volume
    except (InputUnreadable, GeometryInvalid) as error:
        raise RealDataInvalid(f"{name}: {error}") from error
    away = np.abs(volume.geometry.affine - outlined.geometry.affine).max()
    if volume.array.shape != outlined.array.shape or away > _SAME_MM:
        raise RealDataInvalid(f"{name}: image and truth do not lie on one grid")
    values = np.unique(outlined.array)
    if (values != np.round(values)).any():
        raise RealDataInvalid(f"{name}: the truth holds values that are no labels")
    table = labels or {level.label: level.label for level in Level}
    if strange := [int(value) for value in values if value and int(value) not in table]:
        raise RealDataInvalid(f"{name}: label {strange[0]} is no level; a table [labels] in {FACTS} can name it")
    truth = np.zeros(outlined.array.shape, dtype=np.uint8)
    for value, label in table.items():
        truth[outlined.array == value] = label
    if not truth.any():
        raise RealDataInvalid(f"{name}: no body is labelled")
    return RealCase(
        name=name, group=folder.name, volume=volume, truth=truth, whole_vertebrae=facts.get("outlines") == "vertebrae"
    )
