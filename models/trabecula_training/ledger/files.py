"""The files of a cohort drawn from the ledger: cohort.csv, and a folder of each study that leads to the stored images.

The folders hold links, so that no image is copied or asked of the PACS again.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.study.study import StoredFile
from trabecula.files import whole_file
from trabecula_training.cohort.table import Patient
from trabecula_training.ledger.cohort import Chosen

COLUMNS = (
    "patient", "study", "reference", "age_years", "sex", "qct_bmd_mg_cm3", "t_score", "z_score", "postmenopausal",
    "height_cm", "weight_kg", "site", "scanner", "part",
)  # fmt: skip


@dataclass(frozen=True)
class StudyFolder:
    """A chosen study with its stored files and the folder that leads to them."""

    chosen: Chosen
    files: tuple[StoredFile, ...]
    folder: Path


def link_study(item: StudyFolder, copy: bool = False) -> None:
    """Make the folder anew: a link (or a copy) for each stored file, named by its place in the order of UIDs.

    Raises OSError.
    """
    if item.folder.is_dir():
        shutil.rmtree(item.folder)
    item.folder.mkdir(parents=True)
    for number, file in enumerate(item.files, start=1):
        target = item.folder / f"{number:05d}.dcm"
        if copy:
            shutil.copy2(file.path, target)
        else:
            target.symlink_to(Path(file.path).resolve())


def write_cohort(path: Path, patients: Sequence[Patient]) -> None:
    """Write cohort.csv, whole or not at all; study folders stand relative to it. Raises OSError."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    for patient in patients:
        writer.writerow([_cell(getattr(patient, name)) for name in COLUMNS])
    with whole_file(path) as file:
        file.write(lines.getvalue().encode("utf-8"))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
