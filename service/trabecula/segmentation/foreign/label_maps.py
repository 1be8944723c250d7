"""What the numbers in other programs' label images mean, and how these programs are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.data import data_file
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.modality import Modality
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue

_MAX_UNKNOWN = 255 - FIRST_UNKNOWN_LABEL


@dataclass(frozen=True, kw_only=True)
class LabelMap:
    """How to call one program and read what it writes.

    ``labels_file`` and ``bodies_file`` are patterns below the output folder. ``body_values`` mark vertebral bodies in
    ``bodies_file``; without them ``whole_vertebrae`` says whether labels still hold posterior elements.
    ``expected_dice`` stands in for the quality that such programs do not tell.
    """

    name: str
    title: str
    modalities: tuple[Modality, ...]
    command: str
    levels: Mapping[int, Level]
    numbering: str
    expected_dice: float
    input_name: str = "image.nii.gz"
    labels_file: str = "labels.nii.gz"
    bodies_file: str = ""
    body_values: tuple[int, ...] = ()
    whole_vertebrae: bool = True
    unknown_values: tuple[int, ...] = ()
    tissues: Mapping[int, Tissue] | None = None
    tissues_from_bodies_file: Mapping[int, Tissue] | None = None
    environment: Mapping[str, str] | None = None
    statistics: str = ""

    def to_ours(self, labels: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Return the vertebrae in our labels; values of unknown level become 101, 102, ... in the order of values."""
        ours = np.zeros(labels.shape, dtype=np.uint8)
        for value, level in self.levels.items():
            ours[labels == value] = level.label
        for place, value in enumerate(self.unknown_values[:_MAX_UNKNOWN]):
            ours[labels == value] = FIRST_UNKNOWN_LABEL + place
        return ours

    def tissue_map(self, labels: NDArray[np.int32], bodies: NDArray[np.int32] | None) -> NDArray[np.uint8]:
        """Return what the images say of canal, discs, sacrum and posterior elements, in TISSUE_LABELS."""
        tissues = np.zeros(labels.shape, dtype=np.uint8)
        for image, meaning in ((labels, self.tissues), (bodies, self.tissues_from_bodies_file)):
            if image is not None and meaning:
                for value, tissue in meaning.items():
                    tissues[image == value] = TISSUE_LABELS[tissue]
        return tissues


@cache
def label_maps() -> Mapping[str, LabelMap]:
    """Return the shipped label maps by name."""
    document = data_file("label_maps.toml")
    return {name: _label_map(name, table) for name, table in document.items()}


def label_map(name: str) -> LabelMap:
    """Return one shipped label map. Raises ConfigurationInvalid for an unknown name."""
    if name not in label_maps():
        raise ConfigurationInvalid(f"unknown label_map {name!r}; known are {', '.join(sorted(label_maps()))}")
    return label_maps()[name]


def _label_map(name: str, table: Mapping[str, Any]) -> LabelMap:
    optional = {
        key: table[key] for key in ("input_name", "labels_file", "bodies_file", "whole_vertebrae") if key in table
    }
    return LabelMap(
        name=name,
        title=table["title"],
        modalities=tuple(Modality(word) for word in table["modalities"]),
        command=table["command"],
        levels={int(value): Level[level] for value, level in table["levels"].items()},
        numbering=table["numbering"],
        expected_dice=float(table["expected_dice"]),
        body_values=tuple(table.get("body_values", ())),
        unknown_values=tuple(table.get("unknown_values", ())),
        tissues=_tissues(table.get("tissues")),
        tissues_from_bodies_file=_tissues(table.get("tissues_from_bodies_file")),
        environment=table.get("environment"),
        statistics=table.get("statistics", ""),
        **optional,
    )


def _tissues(table: Mapping[str, str] | None) -> dict[int, Tissue] | None:
    return None if table is None else {int(value): Tissue(word) for value, word in table.items()}
