"""Reads real volumes that have masks: a folder of labelled volumes, or the development scans; for evaluation only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.modality import Modality
from trabecula.domain.spine import Level
from trabecula.domain.volume import Volume
from trabecula.imaging.volumes.files import read_volume_file

NEAR_MIDLINE = ("10008_12", "10009_4", "10009_7", "10025_11")
"""The MR slices whose canal is in view for most levels; the others are lateral or empty."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RealCase:
    """One scan and its truth (labels of domain.spine); ``whole_vertebrae``: masks hold more than the body."""

    name: str
    group: str
    volume: Volume
    truth: NDArray[np.uint8]
    whole_vertebrae: bool


def read_labelled(folder: Path) -> Iterator[RealCase]:
    """Pairs ``NAME_image`` and ``NAME_truth`` (NIfTI) of a folder, in the order of their names.

    Labels are those of domain.spine, of bodies; not all need be labelled. An image without a truth is left out.
    """
    for image in sorted(folder.glob("*_image.nii*")):
        truth = image.with_name(image.name.replace("_image.nii", "_truth.nii"))
        if truth.is_file():
            volume = read_volume_file(image).volume
            name = image.name.partition("_image.nii")[0]
            yield RealCase(
                name=name,
                group=folder.name,
                volume=volume,
                truth=_labels(truth, volume.modality),
                whole_vertebrae=False,
            )


def read_cases(folder: Path) -> Iterator[RealCase]:
    """All cases with masks under a folder laid out as the development scans are."""
    for image in sorted((folder / "mr-slices-with-masks").glob("*_image.nii.gz")):
        name = image.name.removesuffix("_image.nii.gz")
        volume = read_volume_file(image, Modality.MR).volume
        counted = _labels(image.with_name(f"{name}_truth.nii.gz"), Modality.MR)
        truth = np.where(counted > 0, Level.L5.label + 1 - counted.astype(int), 0).astype(np.uint8)
        yield RealCase(
            name=name,
            group="MR near-midline" if name in NEAR_MIDLINE else "MR lateral",
            volume=volume,
            truth=truth,
            whole_vertebrae=True,
        )
    for image in sorted((folder / "ct-crops-with-masks").glob("*_image.nii.gz")):
        name = image.name.removesuffix("_image.nii.gz")
        volume = read_volume_file(image, Modality.CT).volume
        yield RealCase(
            name=name,
            group="CT crops",
            volume=volume,
            truth=_labels(image.with_name(f"{name}_truth.nii.gz"), Modality.CT),
            whole_vertebrae=True,
        )
    abdomen = folder / "abdomen-ct-3mm"
    if abdomen.is_dir():
        yield _abdomen(abdomen)


def _labels(path: Path, modality: Modality) -> NDArray[np.uint8]:
    return read_volume_file(path, modality).volume.array.astype(np.uint8)


def _abdomen(folder: Path) -> RealCase:
    """The abdomen CT with another model's bodies: 26 = S1, 27 = L5 ... 31 = L1, 32 = T12, 33 = T11 (its numbering)."""
    volume = read_volume_file(folder / "example_ct.nii.gz", Modality.CT).volume
    vertebrae = _labels(folder / "vertebrae_model_output.nii.gz", Modality.CT).astype(int)
    bodies = _labels(folder / "vertebral_bodies_model_output.nii.gz", Modality.CT)
    level = np.where(vertebrae > 26, Level.L5.label + 27 - vertebrae, 0)
    counts = [int(((bodies == value) & (level > 0)).sum()) for value in (1, 2)]
    kind = 1 + int(np.argmax(counts))
    return RealCase(
        name="abdomen",
        group="CT abdomen (other model)",
        volume=volume,
        truth=np.where(bodies == kind, level, 0).astype(np.uint8),
        whole_vertebrae=False,
    )
