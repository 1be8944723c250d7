"""Reading cohort.csv: every line is checked, and everything that is wrong is told at once, before any work starts."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from trabecula.domain.spreadsheet import TableRow, read_table
from trabecula_training.cohort.labels import ReferenceKind, Task
from trabecula_training.cohort.table import Cohort, Part, Patient
from trabecula_training.cohort.units import DENSITY, SmallDensities, is_too_small
from trabecula_training.problems import Problem

T = TypeVar("T")

REQUIRED = ("patient", "age_years", "sex")
REFERENCES = ("qct_bmd_mg_cm3", "t_score", "z_score")
OPTIONAL = ("study", "reference", *REFERENCES, "postmenopausal", "height_cm", "weight_kg", "site", "scanner", "part")

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
FEWEST_EVENTS = 10
"""Patients of each class below which five folds inside five folds cannot be formed."""


@dataclass(frozen=True)
class CohortReading:
    """What reading gave: the cohort of the lines that were right, and the table of what is wrong.

    ``lines`` maps each patient to the line of the file.
    """

    cohort: Cohort
    problems: tuple[Problem, ...]
    lines: Mapping[str, int] = field(default_factory=dict)


def read_cohort(path: Path, need_studies: bool) -> CohortReading:
    """Return the cohort of a CSV file (comma, semicolon or tab; UTF-8).

    ``need_studies``: every patient must name an existing study folder (relative to the file). Never raises for
    content: what is wrong is in ``problems``.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return _unreadable(f"{path.name} ({error.strerror})", "Name an existing file.")
    except UnicodeDecodeError as error:
        return _unreadable(f"byte {error.start} is not UTF-8", "Save the file as UTF-8 CSV.")
    try:
        rows = read_table(text)
    except csv.Error as error:
        return _unreadable(str(error), "Save the file as plain CSV.")
    if not rows or rows[0].empty:
        return _unreadable("the file is empty", f"Begin with a heading: {', '.join(REQUIRED)}, ...")
    heading = [cell.strip().lower() for cell in rows[0].cells]
    problems = _check_heading(heading)
    if problems:
        return CohortReading(Cohort(()), tuple(problems))
    return _read_rows(rows, heading, path.parent if need_studies else None)


def _unreadable(found: str, remedy: str) -> CohortReading:
    return CohortReading(Cohort(()), (Problem(line=0, column="", found=found, remedy=remedy),))


def _check_heading(heading: Sequence[str]) -> list[Problem]:
    problems = [
        Problem(line=1, column=name, found="the column is missing", remedy="Add the column.")
        for name in REQUIRED
        if name not in heading
    ]
    if not set(REFERENCES) & set(heading):
        problems.append(
            Problem(
                line=1, column=" / ".join(REFERENCES), found="no reference value", remedy="Add one of these columns."
            )
        )
    known = (*REQUIRED, *OPTIONAL)
    problems += [
        Problem(
            line=1,
            column=name,
            found="the column is not known",
            remedy=f"Remove or rename it; known are {', '.join(known)}.",
        )
        for name in heading
        if name and name not in known
    ]
    problems += [
        Problem(line=1, column=f"column {place}", found="the column has no name", remedy="Name it, or empty it.")
        for place, name in enumerate(heading, start=1)
        if not name
    ]
    problems += [
        Problem(line=1, column=name, found="the column stands twice", remedy="Keep one.")
        for name in sorted(set(heading) - {""})
        if heading.count(name) > 1
    ]
    return problems


def _read_rows(rows: Sequence[TableRow], heading: Sequence[str], base: Path | None) -> CohortReading:
    patients: list[Patient] = []
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    first_line: dict[tuple[str, str], int] = {}
    small = SmallDensities()
    for row in rows[1:]:
        line = row.line
        if row.empty:
            continue
        if len(row.cells) != len(heading):
            remedy = f"Give {len(heading)} cells, as in the heading."
            problems.append(Problem(line=line, column="", found=f"{len(row.cells)} cells", remedy=remedy))
            continue
        cells = dict(zip(heading, (cell.strip() for cell in row.cells), strict=True))
        reader = _LineReader(line, cells, base)
        patient, wrong = reader.read()
        small.see(cells.get("site", ""), line, reader.density)
        for column in ("patient", "study"):
            key = (column, cells.get(column, ""))
            if key[1] and first_line.setdefault(key, line) != line:
                wrong.append(
                    Problem(
                        line=line,
                        column=column,
                        found=f"{key[1]} stands in line {first_line[key]}, too",
                        remedy="Keep one line for each.",
                    )
                )
        problems += wrong
        if patient is not None and not wrong and not is_too_small(reader.density):
            patients.append(patient)
            lines[patient.patient] = line
    problems = [*small.problems(), *problems]
    if not patients and not problems:
        problems.append(Problem(line=0, column="", found="no patients", remedy="Add a line for each patient."))
    return CohortReading(Cohort(tuple(patients)), tuple(problems), lines)


class _LineReader:
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
        age = self.number("age_years", required=True)
        sex = self.word("sex", SEXES, required=True)
        numbers = {column: self.number(column) for column in PLAUSIBLE if column != "age_years"}
        self.density = numbers[DENSITY]
        postmenopausal = self.word("postmenopausal", TRUTHS)
        part = self.word("part", {str(part): part for part in Part}) or Part.DEVELOPMENT
        reference = self.reference(numbers)
        study = self.study()
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
            **numbers,
        )
        if patient.category is None:
            self.no_category(patient)
        return patient, self.problems

    def wrong(self, column: str, found: str, remedy: str) -> None:
        self.problems.append(Problem(line=self.line, column=column, found=found, remedy=remedy))

    def number(self, column: str, required: bool = False) -> float | None:
        text = self.cells.get(column, "")
        if not text:
            if required:
                self.wrong(column, "empty", "Give a number.")
            return None
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        low, high = PLAUSIBLE[column]
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

    def reference(self, numbers: Mapping[str, float | None]) -> ReferenceKind | None:
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
        try:
            holds_files = folder.is_dir() and any(folder.rglob("*"))
        except (OSError, ValueError):
            holds_files = False
        if not holds_files:
            self.wrong("study", f"{text[:80]} is no folder with files", "Correct the path.")
        return folder

    def no_category(self, patient: Patient) -> None:
        if patient.reference is ReferenceKind.QCT:
            self.wrong("qct_bmd_mg_cm3", "empty", "Give the QCT density, or remove the patient.")
        elif patient.t_score is None and patient.z_score is None:
            self.wrong("t_score / z_score", "empty", "Give the score, or remove the patient.")
        elif patient.t_score is None:
            self.wrong("t_score", "empty, but the Z-score does not count", "Give the T-score (men and women from 50).")
        else:
            self.wrong("z_score", "empty, but the T-score does not count", "Give the Z-score (younger people).")


def task_problems(cohort: Cohort, task: Task) -> tuple[Problem, ...]:
    """Return what makes a cohort unfit for a task: one class only, or too few of a class."""
    labels = [
        task.label(patient.category)
        for patient in cohort.part(Part.DEVELOPMENT).patients
        if patient.category is not None
    ]
    counts = {1: labels.count(1), 0: labels.count(0)}
    if min(counts.values()) == 0:
        only = "positive" if counts[1] else "negative"
        return (
            Problem(
                line=0,
                column=task.name,
                found=f"one class only ({max(counts.values())} {only})",
                remedy="Add the other class, or leave the task out.",
            ),
        )
    if min(counts.values()) < FEWEST_EVENTS:
        found = f"too few of a class ({counts[1]} positive, {counts[0]} negative)"
        return (
            Problem(
                line=0,
                column=task.name,
                found=found,
                remedy=f"Add patients ({FEWEST_EVENTS} of each class), or leave the task out.",
            ),
        )
    return ()
