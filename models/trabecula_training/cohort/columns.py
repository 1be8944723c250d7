"""The columns of cohort.csv: which there are, how headings are meant, and what is wrong with a heading."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cache

from trabecula_training.data import data_file
from trabecula_training.problems import Problem

REQUIRED = ("patient", "age_years", "sex")
REFERENCES = ("qct_bmd_mg_cm3", "t_score", "z_score", "category")

_ALIASES = {
    "age": "age_years",
    "gender": "sex",
    "height": "height_cm",
    "weight": "weight_kg",
    "patient_id": "patient",
    "qct": "qct_bmd_mg_cm3",
    "qct_bmd": "qct_bmd_mg_cm3",
    "folder": "study",
    "label": "category",
}
"""Names that mean one of the columns and nothing else."""


@cache
def column_names() -> tuple[str, ...]:
    """Return every column, in the order of the template."""
    return tuple(data_file("cohort_columns.toml"))


def meant(cell: str) -> str:
    """Return the column that a heading means: in small letters, anything else than letters and digits as one ``_``,
    a unit in brackets dropped (``T-Score`` is ``t_score``, ``Age (years)`` is ``age_years``)."""
    plain = re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")
    bare = re.sub(r"[^a-z0-9]+", "_", re.sub(r"[(\[].*", "", cell.strip().lower())).strip("_")
    names = column_names()
    for name in (plain, bare):
        if name in names:
            return name
    return next((_ALIASES[name] for name in (plain, bare) if name in _ALIASES), cell.strip().lower())


def heading_problems(heading: Sequence[str]) -> list[Problem]:
    """Return what is wrong with a heading of meant columns; columns that are not known are a remark, unless they look
    like a slip of the pen for one that is not there."""
    problems = [
        Problem(line=1, column=name, found="the column is missing", remedy="Add the column.")
        for name in REQUIRED
        if name not in heading
    ]
    if not set(REFERENCES) & set(heading):
        where = " / ".join(REFERENCES)
        problems.append(Problem(line=1, column=where, found="no reference value", remedy="Add one of these columns."))
    problems += [_unknown(name, heading) for name in heading if name and name not in column_names()]
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


def _unknown(name: str, heading: Sequence[str]) -> Problem:
    absent = [column for column in column_names() if column not in heading]
    near = difflib.get_close_matches(name, absent, 1, 0.8)
    if near:
        remedy = f"Rename it to {near[0]} if it is that; else give it another name."
        return Problem(line=1, column=name[:40], found=f"the column is not known, but nearly {near[0]}", remedy=remedy)
    remedy = "Takes no part; `trabecula-train template` shows the columns."
    return Problem(line=1, column=name[:40], found="the column is not known", remedy=remedy, blocking=False)
