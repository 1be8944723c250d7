"""Reading cohort.csv: every line is checked, and everything that is wrong is told at once, before any work starts."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trabecula.domain.spreadsheet import NoTable, TableRow
from trabecula_training.cohort.columns import REQUIRED, heading_problems, meant
from trabecula_training.cohort.labels import Task
from trabecula_training.cohort.line_reader import LineReader
from trabecula_training.cohort.table import Cohort, Part, Patient
from trabecula_training.cohort.tables import read_table_file
from trabecula_training.cohort.units import SmallDensities, is_too_small
from trabecula_training.problems import Problem, blocking

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
    """Return the cohort of a CSV file (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252) or of the first sheet of
    a workbook (.xlsx).

    ``need_studies``: every patient must name an existing study folder (relative to the file). Never raises for
    content: what is wrong is in ``problems``; remarks among them stop nothing.
    """
    try:
        found = read_table_file(path)
    except OSError as error:
        return _unreadable(f"{path.name} ({error.strerror})", "Name an existing file.")
    except NoTable as error:
        return _unreadable(f"it is {error}", "Save it as a workbook (.xlsx) or as CSV (in Excel: CSV UTF-8).")
    except csv.Error as error:
        return _unreadable(str(error), "Save the file as plain CSV.")
    rows = found.rows
    if not rows or rows[0].empty:
        return _unreadable("the file is empty", f"Begin with a heading: {', '.join(REQUIRED)}, ...")
    heading = [meant(cell) for cell in rows[0].cells]
    problems = heading_problems(heading)
    if found.guessed:
        told = f"no UTF-8; read as {found.guessed}"
        remedy = "Look at names with accents; save the file as UTF-8 CSV."
        problems.append(Problem(line=0, column="", found=told, remedy=remedy, blocking=False))
    if found.sheet:
        told, remedy = f"a workbook: {found.sheet} was read", "Put the cohort first if it stands on another sheet."
        problems.append(Problem(line=0, column="", found=told, remedy=remedy, blocking=False))
    if blocking(problems):
        return CohortReading(Cohort(()), tuple(problems))
    reading = _read_rows(rows, heading, path.parent if need_studies else None)
    return CohortReading(reading.cohort, (*problems, *reading.problems), reading.lines)


def _unreadable(found: str, remedy: str) -> CohortReading:
    return CohortReading(Cohort(()), (Problem(line=0, column="", found=found, remedy=remedy),))


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
        reader = LineReader(line, cells, base)
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
        if patient is not None and not blocking(wrong) and not is_too_small(reader.density):
            patients.append(patient)
            lines[patient.patient] = line
    problems = [*small.problems(), *problems]
    if not patients and not problems:
        problems.append(Problem(line=0, column="", found="no patients", remedy="Add a line for each patient."))
    return CohortReading(Cohort(tuple(patients)), tuple(problems), lines)


def task_problems(cohort: Cohort, task: Task, folds: int = 5) -> tuple[Problem, ...]:
    """Return what makes a cohort unfit for a task: one class only, or too few of a class."""
    labels = [
        task.label(patient.category)
        for patient in cohort.part(Part.DEVELOPMENT).patients
        if patient.category is not None
    ]
    return class_problems(task.name, labels.count(1), labels.count(0), folds)


def class_problems(name: str, positive: int, negative: int, folds: int = 5) -> tuple[Problem, ...]:
    """Return what makes so many patients of each class unfit for a task in so many outer folds."""
    counts = {1: positive, 0: negative}
    if min(counts.values()) == 0:
        only = "positive" if counts[1] else "negative"
        return (
            Problem(
                line=0,
                column=name,
                found=f"one class only ({max(counts.values())} {only})",
                remedy="Add the other class, or name the other tasks with --tasks.",
            ),
        )
    if min(counts.values()) < FEWEST_EVENTS:
        found = f"too few of a class ({counts[1]} positive, {counts[0]} negative)"
        return (
            Problem(
                line=0,
                column=name,
                found=found,
                remedy=f"Add patients ({FEWEST_EVENTS} of each class), or name the other tasks with --tasks.",
            ),
        )
    if min(counts.values()) < folds:
        found = f"{min(counts.values())} patients of a class for {folds} folds"
        return (Problem(line=0, column=name, found=found, remedy="Give fewer --folds, or add patients."),)
    return ()
