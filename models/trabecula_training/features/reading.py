"""Feature tables from files: those that extraction wrote, and tables of other programs as CSV, checked line by line."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.spreadsheet import NoTable, TableRow
from trabecula_training.cohort.tables import read_table_file
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.table import UNREADABLE, FeatureTable, load_npz

Word = TypeVar("Word")

ROW_COLUMNS = ("patient", "level", "role")
_EACH = {
    "patient": "the pseudonym of cohort.csv",
    "level": "one row for each vertebra, L1 to L4",
    "role": "CT, T1w or T2w",
}
_TEXT_OR_SHEET = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".ods")
_DIAGNOSTICS = "diagnostics_"
"""How the columns of PyRadiomics begin that are no features."""
_LEVELS = {str(level).lower(): level for level in Level}
_ROLES = {str(role).lower(): role for role in SeriesRole}


def load_features(path: Path) -> FeatureTable:
    """Return the table of an ``.npz`` file, or of a ``.csv`` or ``.xlsx`` file (columns patient, level and role
    anywhere, every other column a feature; a JSON file of the same stem may hold settings_sha256, regions and ibsi).

    Raises FeatureTableInvalid, for a CSV with the line.
    """
    try:
        return _load_csv(path) if path.suffix.lower() in _TEXT_OR_SHEET else load_npz(path)
    except UNREADABLE as error:
        raise FeatureTableInvalid(f"{path.name}: {error}") from error


def _load_csv(path: Path) -> FeatureTable:
    try:
        rows = read_table_file(path).rows
    except NoTable as error:
        raise ValueError(f"it is {error}") from error
    except csv.Error as error:
        raise ValueError(f"no plain CSV ({error})") from error
    if len(rows) < 2:
        raise ValueError("it holds no rows")
    heading = [cell.strip() for cell in rows[0].cells]
    places = {name: place for place, name in enumerate(cell.lower() for cell in heading) if name in ROW_COLUMNS}
    for name in ROW_COLUMNS:
        if name not in places:
            raise ValueError(f"line 1: the column {name} is missing ({_EACH[name]})")
    chosen = [
        place
        for place, name in enumerate(heading)
        if place not in places.values() and not name.startswith(_DIAGNOSTICS)
    ]
    body = [row for row in rows[1:] if not row.empty]
    values = np.array([_numbers(row, heading, chosen) for row in body], dtype=np.float64)
    meta = _beside(path)
    return FeatureTable(
        names=tuple(heading[place] for place in chosen),
        patients=tuple(row.cells[places["patient"]].strip() for row in body),
        levels=tuple(_word(row, "level", places, _LEVELS) for row in body),
        roles=tuple(_word(row, "role", places, _ROLES) for row in body),
        values=values.reshape(len(body), len(chosen)),
        settings_sha256=str(meta.get("settings_sha256", "")),
        regions=str(meta.get("regions", "")),
        ibsi={str(key): str(value) for key, value in dict(meta.get("ibsi", {})).items()},
    )


def _beside(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    return dict(json.loads(beside.read_text("utf-8"))) if beside.is_file() else {}


def _word(row: TableRow, column: str, places: dict[str, int], words: dict[str, Word]) -> Word:
    text = row.cells[places[column]].strip()
    if text.lower() not in words:
        known = ", ".join(map(str, MEASURED_LEVELS)) if column == "level" else ", ".join(SeriesRole)
        raise ValueError(f"line {row.line}, {column}: {text[:40] or 'empty'} is none of {known}")
    return words[text.lower()]


def _numbers(row: TableRow, heading: Sequence[str], chosen: Sequence[int]) -> list[float]:
    """The features of a line; an empty cell is not a number. Raises ValueError naming line and column."""
    if len(row.cells) != len(heading):
        raise ValueError(f"line {row.line} has {len(row.cells)} cells, the heading {len(heading)}")
    try:
        return [_number(row.cells[place]) for place in chosen]
    except ValueError:
        for place in chosen:
            try:
                _number(row.cells[place])
            except ValueError:
                text = row.cells[place].strip()[:40]
                raise ValueError(f"line {row.line}, {heading[place]}: {text} is not a number") from None
        raise


def _number(cell: str) -> float:
    text = cell.strip()
    return float(text.replace(",", ".")) if text else float("nan")


def empty_cells(table: FeatureTable) -> dict[str, int]:
    """Return how many rows have no finite value, by feature, most first: each of them costs its patient that level."""
    missing: NDArray[np.int64] = (~np.isfinite(table.values)).sum(axis=0)
    named = {name: int(count) for name, count in zip(table.names, missing, strict=True) if count}
    features = set(table.feature_names)
    return dict(sorted(((n, c) for n, c in named.items() if n in features), key=lambda item: -item[1]))
