"""One line of cohort.csv: from cells to a patient, with everything that is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar

from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula_training.cohort.columns import REFERENCES
from trabecula_training.cohort.labels import BoneCategory, ReferenceKind
from trabecula_training.cohort.table import Part, Patient
from trabecula_training.cohort.units import DENSITY
from trabecula_training.data import data_file
from trabecula_training.problems import Problem

T = TypeVar("T")

PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "age_years": (18, 110),
    "qct_bmd_mg_cm3": (-50, 400),
    "t_score": (-8, 8),
    "z_score": (-8, 8),
    "height_cm": (100, 230),
    "weight_kg": (25, 300),
}
"""What a person can have; beyond it a number is a slip of the pen or another unit."""

SEXES = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M"}
TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
PARTS = {str(part): part for part in Part}
CATEGORIES = {
    **{str(category): category for category in BoneCategory},
    "osteopenia": BoneCategory.LOW,
    "osteopenic": BoneCategory.LOW,
    "osteoporotic": BoneCategory.OSTEOPOROSIS,
}


class LineReader:
    """Reads one line; collects what is wrong with it."""

    def __init__(self, line: int, cells: Mapping[str, str], base: Path | None) -> None:
        self.line, self.cells, self.base = line, cells, base
        self.problems: list[Problem] = []
        self.density: float | None = None

    def read(self) -> tuple[Patient | None, list[Problem]]:
        """Return the patient (None when the line cannot be one) and the problems."""
        name = self.cells["patient"]
        if not name:
            self.wrong("patient", "empty", "Name the patient (a pseudonym).")
        elif not name.isprintable():
            self.wrong("patient", "holds a character that cannot be printed", "Give the patient a plain pseudonym.")
        age = self.number("age_years", required=True)
        sex = self.word("sex", SEXES, required=True)
        numbers = {column: self.number(column) for column in PLAUSIBLE if column != "age_years"}
        self.density = numbers[DENSITY]
        postmenopausal = self.word("postmenopausal", TRUTHS)
        part = self.word("part", PARTS) or Part.DEVELOPMENT
        stated = self.word("category", CATEGORIES)
        reference = self.reference(numbers, stated)
        days = self.day("study_date"), self.day("reference_date")
        study = self.study()
        masks = self.masks("mask"), self.masks("mask_reader_2")
        if masks[1] and not masks[0]:
            self.wrong("mask_reader_2", "a second reader without a first", "Give the first reader's mask.")
        if age is None or sex is None or reference is None or not name:
            return None, self.problems
        patient = Patient(
            patient=name,
            study=study,
            reference=reference,
            age_years=age,
            sex=sex,
            postmenopausal=postmenopausal,
            site=self.cells.get("site", ""),
            scanner=self.cells.get("scanner", ""),
            part=part,
            stated=stated,
            study_date=days[0],
            reference_date=days[1],
            level_t_scores=self.level_scores(),
            masks=masks[0],
            masks_reader_2=masks[1],
            **numbers,
        )
        if patient.category is None:
            self.no_category(patient)
        elif stated is not None and patient.category is not stated:
            measured = f"{stated}, but {patient.category} by the line's own value"
            self.wrong("category", measured, "Keep the value or the word, whichever is right.")
        self.interval(patient)
        return patient, self.problems

    def wrong(self, column: str, found: str, remedy: str) -> None:
        self.problems.append(Problem(line=self.line, column=column, found=found, remedy=remedy))

    def level_scores(self) -> tuple[tuple[Level, float], ...]:
        """The T-scores of single vertebrae that are given."""
        given = ((level, self.number(f"t_score_{level.name.lower()}", of="t_score")) for level in MEASURED_LEVELS)
        return tuple((level, score) for level, score in given if score is not None)

    def number(self, column: str, required: bool = False, of: str = "") -> float | None:
        text = self.cells.get(column, "")
        if not text:
            if required:
                self.wrong(column, "empty", "Give a number.")
            return None
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        low, high = PLAUSIBLE[of or column]
        if not low <= value <= high:
            found = f"{text[:40]} is not a number" if math.isnan(value) else f"{text[:40]} is not possible"
            self.wrong(column, found, f"Give a number from {low:g} to {high:g}.")
            return None
        return value

    def word(self, column: str, words: Mapping[str, T], required: bool = False) -> T | None:
        text = self.cells.get(column, "").lower()
        if text in words:
            return words[text]
        if text or required:
            self.wrong(column, text[:40] or "empty", f"Give one of {', '.join(words)}.")
        return None

    def day(self, column: str) -> date | None:
        text = self.cells.get(column, "")
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.wrong(column, f"{text[:40]} is not a day", "Give it as YYYY-MM-DD.")
            return None

    def interval(self, patient: Patient) -> None:
        """Tell of a reference that is further from the images than the window: bone changes."""
        window = int(data_file("ledger_cohort.toml")["window_days"]["value"])
        if patient.interval_days is not None and abs(patient.interval_days) > window:
            found = f"{abs(patient.interval_days)} days from study_date"
            remedy = f"References within {window} days are comparable; think of leaving the patient out."
            self.problems.append(
                Problem(line=self.line, column="reference_date", found=found, remedy=remedy, blocking=False)
            )

    def reference(
        self, numbers: Mapping[str, float | None], stated: BoneCategory | None = None
    ) -> ReferenceKind | None:
        text = self.cells.get("reference", "").upper()
        if text:
            if text in set(ReferenceKind):
                return ReferenceKind(text)
            self.wrong("reference", text[:40], f"Give one of {', '.join(ReferenceKind)}.")
            return None
        if numbers["qct_bmd_mg_cm3"] is not None:
            return ReferenceKind.QCT
        if numbers["t_score"] is not None or numbers["z_score"] is not None:
            return ReferenceKind.DXA
        if stated is not None:
            self.wrong("reference", "empty, but the line has only a category", "Give QCT or DXA.")
            return None
        if not any(problem.column in REFERENCES for problem in self.problems):
            self.wrong(" / ".join(REFERENCES), "no reference value", "Give one, or remove the patient.")
        return None

    def study(self) -> Path | None:
        text = self.cells.get("study", "")
        if self.base is None:
            return Path(text) if text else None
        if not text:
            self.wrong("study", "empty", "Name the folder of the study, relative to the file.")
            return None
        folder = self.base / text
        if not _holds_files(folder) and "\\" in text:
            folder = self.base / text.replace("\\", "/")
        if not _holds_files(folder):
            self.wrong("study", f"{text[:80]} is no folder with files", "Correct the path.")
        return folder

    def masks(self, column: str) -> tuple[Path, ...]:
        """The mask files of a column; none where features come ready made."""
        text = self.cells.get(column, "")
        if not text or self.base is None:
            return ()
        files = tuple(self.base / part.strip().replace("\\", "/") for part in text.split("|"))
        missing = [file.name for file in files if not _is_file(file)]
        if missing:
            self.wrong(column, f"{missing[0][:80]} is no file", "Correct the path, relative to the file.")
        return files

    def no_category(self, patient: Patient) -> None:
        if patient.reference is ReferenceKind.QCT:
            self.wrong("qct_bmd_mg_cm3", "empty", "Give the QCT density, or remove the patient.")
        elif patient.t_score is None and patient.z_score is None:
            self.wrong("t_score / z_score", "empty", "Give the score, or remove the patient.")
        elif patient.t_score is None:
            self.wrong("t_score", "empty, but the Z-score does not count", "Give the T-score (men and women from 50).")
        else:
            self.wrong("z_score", "empty, but the T-score does not count", "Give the Z-score (younger people).")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _holds_files(folder: Path) -> bool:
    try:
        return folder.is_dir() and any(folder.rglob("*"))
    except (OSError, ValueError):
        return False
