"""The border of reference measurements to CSV: every line is read, and everything that is wrong with it is told."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TypeVar

from trabecula.data import data_file
from trabecula.domain.spreadsheet import TableRow, read_table
from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite

COLUMNS = (
    "patient_id", "issuer", "measured_on", "method", "site", "t_score", "z_score", "value", "unit", "device",
    "height_cm", "weight_kg", "postmenopausal",
)  # fmt: skip
REQUIRED = ("patient_id", "measured_on", "method")
DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y")
"""Formats that can be read in one way only; day and month with slashes cannot."""
_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_UNITS = {"g/cm2": "g/cm2", "g/cm²": "g/cm2", "mg/cm3": "mg/cm3", "mg/cm³": "mg/cm3", "mg/ml": "mg/cm3"}
_SHOWN = 40
T = TypeVar("T")


@dataclass(frozen=True)
class LineProblem:
    """One thing that is wrong: line of the file (0: the file as a whole), column, what was found, what to do.

    Never holds who the patient is.
    """

    line: int
    column: str
    found: str
    next_step: str


@dataclass(frozen=True)
class ReferenceReading:
    """The references of the lines that are right, by line number, and what is wrong with the others."""

    references: Mapping[int, Reference]
    problems: tuple[LineProblem, ...]


@cache
def _site_words() -> Mapping[str, ReferenceSite]:
    sites = {name: words for name, words in data_file("references.toml")["sites"].items() if name != "source"}
    return {word: ReferenceSite(name) for name, words in sites.items() for word in words}


def read_references(content: bytes, today: date) -> ReferenceReading:
    """Return what a CSV file (comma, semicolon or tab; UTF-8) holds. Never raises for content.

    ``today``: a measurement cannot lie in the future.
    """
    try:
        text = content.decode("utf-8-sig")
        rows = read_table(text)
    except (UnicodeDecodeError, csv.Error) as error:
        return ReferenceReading({}, (LineProblem(0, "", f"not CSV ({error})", "Save the file as CSV in UTF-8."),))
    heading = [cell.strip().lower() for cell in rows[0].cells] if rows else []
    problems = _heading_problems(heading)
    if problems:
        return ReferenceReading({}, tuple(problems))
    return _read_rows(rows, heading, today)


def _heading_problems(heading: Sequence[str]) -> list[LineProblem]:
    if not any(heading):
        return [LineProblem(0, "", "the file is empty", f"Begin with a heading: {', '.join(COLUMNS)}.")]
    found = [LineProblem(1, name, "the column is missing", "Add it.") for name in REQUIRED if name not in heading]
    found += [
        LineProblem(
            1, name[:_SHOWN], "the column is not known", f"Remove or rename it; known are {', '.join(COLUMNS)}."
        )
        for name in heading
        if name and name not in COLUMNS
    ]
    found += [
        LineProblem(1, f"column {place}", "the column has no name", "Name it, or empty it.")
        for place, name in enumerate(heading, start=1)
        if not name
    ]
    twice = sorted({name for name in heading if name and heading.count(name) > 1})
    return found + [LineProblem(1, name[:_SHOWN], "the column stands twice", "Keep one.") for name in twice]


def _read_rows(rows: Sequence[TableRow], heading: Sequence[str], today: date) -> ReferenceReading:
    references: dict[int, Reference] = {}
    problems: list[LineProblem] = []
    first: dict[object, int] = {}
    for row in rows[1:]:
        line, cells = row.line, row.cells
        if row.empty:
            continue
        if len(cells) != len(heading):
            problems.append(LineProblem(line, "", f"{len(cells)} cells", f"Give {len(heading)}, as in the heading."))
            continue
        reader = _Line(line, dict(zip(heading, (cell.strip() for cell in cells), strict=True)), today)
        reference = reader.read()
        problems += reader.problems
        if reference is None or reader.problems:
            continue
        before = first.setdefault(reference.key, line)
        if before == line:
            references[line] = reference
        else:
            found = f"the same patient, date, method and site as line {before}"
            problems.append(LineProblem(line, "patient_id", found, "Keep one line."))
    if not references and not problems:
        problems.append(LineProblem(0, "", "no measurements", "Add a line for each measurement."))
    return ReferenceReading(references, tuple(problems))


class _Line:
    """Reads one line; collects what is wrong with it."""

    def __init__(self, line: int, cells: Mapping[str, str], today: date) -> None:
        self.line, self.cells, self.today = line, cells, today
        self.problems: list[LineProblem] = []

    def read(self) -> Reference | None:
        """Return the reference, or None when the line cannot be one."""
        patient = self.cells["patient_id"]
        if not patient:
            self.wrong("patient_id", "empty", "Give the patient ID as the images have it.")
        measured_on = self.day()
        method = self.word("method", {item.value.lower(): item for item in ReferenceMethod}, required=True)
        if method is None:
            return None
        default = {"": ReferenceSite.LUMBAR_SPINE} if method is ReferenceMethod.QCT else {}
        site = self.word("site", {**_site_words(), **default}, required=True)
        scores = {name: self.number(name, name) for name in ("t_score", "z_score")}
        value = self.value(method)
        size = {name: self.number(name, name) for name in ("height_cm", "weight_kg")}
        postmenopausal = self.word("postmenopausal", _TRUTHS)
        self.enough(method, value, scores)
        if not patient or measured_on is None or site is None:
            return None
        return Reference(
            patient_id=patient,
            measured_on=measured_on,
            method=method,
            site=site,
            issuer=self.cells.get("issuer", ""),
            value=value,
            device=self.cells.get("device", ""),
            postmenopausal=postmenopausal,
            **scores,
            **size,
        )

    def wrong(self, column: str, found: str, next_step: str) -> None:
        self.problems.append(LineProblem(self.line, column, found, next_step))

    def enough(self, method: ReferenceMethod, value: float | None, scores: Mapping[str, float | None]) -> None:
        told = {problem.column for problem in self.problems}
        if method is ReferenceMethod.QCT and value is None and not told & {"value", "unit"}:
            self.wrong("value", "empty", "Give the QCT density in mg/cm3.")
        if method is ReferenceMethod.QCT and any(score is not None for score in scores.values()):
            self.wrong("t_score / z_score", "given for QCT", "Leave it empty: QCT is judged by its density alone.")
        nothing = value is None and all(score is None for score in scores.values())
        if method is ReferenceMethod.DXA and nothing and not told & {"t_score", "z_score", "value", "unit"}:
            self.wrong("t_score", "no value at all", "Give T-score, Z-score or density.")

    def day(self) -> date | None:
        text = self.cells["measured_on"]
        for form in DATE_FORMATS:
            try:
                found = datetime.strptime(text, form).date()
            except ValueError:
                continue
            earliest = int(data_file("references.toml")["plausible"]["earliest_year"])
            if found > self.today or found.year < earliest:
                self.wrong("measured_on", f"{found} is not possible", f"Give a day from {earliest} to today.")
                return None
            return found
        self.wrong("measured_on", text[:_SHOWN] or "empty", "Give the day as 2026-01-31, 20260131 or 31.01.2026.")
        return None

    def value(self, method: ReferenceMethod) -> float | None:
        text = self.cells.get("unit", "").lower()
        if text and _UNITS.get(text) != method.unit:
            self.wrong("unit", text[:_SHOWN], f"Give {method.value} in {method.unit}.")
            return None
        if method is ReferenceMethod.DXA:
            return self.number("value", "dxa_g_cm2")
        value = self.number("value", "qct_mg_cm3")
        if value is not None and abs(value) < data_file("references.toml")["plausible"]["qct_smallest_mg_cm3"]:
            self.too_small(value)
            return None
        return value

    def too_small(self, value: float) -> None:
        if 1000 * abs(value) <= data_file("references.toml")["plausible"]["qct_mg_cm3"][1]:
            self.wrong("value", f"{value:g} is too small for mg/cm3; g/cm3 suspected", "Give mg/cm3: g/cm3 times 1000.")
        else:
            self.wrong("value", f"{value:g} is too small for mg/cm3", "Look the density up; give it in mg/cm3.")

    def number(self, column: str, limits: str) -> float | None:
        text = self.cells.get(column, "")
        if not text:
            return None
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            number = math.nan
        low, high = data_file("references.toml")["plausible"][limits]
        if low <= number <= high:
            return number
        told = "not a number" if math.isnan(number) else "not possible"
        self.wrong(column, f"{text[:_SHOWN]} is {told}", f"Give a number from {low:g} to {high:g}.")
        return None

    def word(self, column: str, words: Mapping[str, T], required: bool = False) -> T | None:
        text = self.cells.get(column, "").lower()
        if text in words:
            return words[text]
        if text or required:
            known = dict.fromkeys(word for word in words if word)
            self.wrong(column, text[:_SHOWN] or "empty", f"Give one of {', '.join(known)}.")
        return None
