"""Studies by how a Patient ID, an Accession Number or a Study Instance UID begins, or by a whole one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from trabecula.domain.desk.search import StudySearch

_FEW = 200
"""So many studies are taken by an identifier alone; where more begin so, they are looked for from the newest back."""
_LAST = "\U0010ffff"
"""Sorts behind whatever an identifier may go on with."""

_RANGE = sql.SQL(
    "(SELECT first_image_at, study_uid, site, terms FROM desk_studies "
    "WHERE {column} >= {low} AND {column} < {high} {whole} ORDER BY {column} LIMIT {most})"
)


@dataclass(frozen=True)
class Identified:
    """Studies with their first image, site and terms, or None where there are more than a few; rows that were read."""

    found: Sequence[tuple[datetime, str, str, Sequence[str]]] | None
    rows_read: int


def identified(connection: psycopg.Connection[Any], wanted: StudySearch) -> Identified:
    """Return the studies that all given identifiers name."""
    kept: dict[str, tuple[datetime, str, str, Sequence[str]]] | None = None
    rows = 0
    for columns, text, whole in _given(wanted):
        here: dict[str, tuple[datetime, str, str, Sequence[str]]] = {}
        for column in columns:
            seen = connection.execute(_few_of(column, text, whole)).fetchall()
            rows += 2 * len(seen)
            if len(seen) > _FEW:
                return Identified(None, rows)
            here |= {row[1]: row for row in seen}
        kept = here if kept is None else {uid: row for uid, row in kept.items() if uid in here}
    return Identified(list((kept or {}).values()), rows)


def text_probe(wanted: StudySearch) -> tuple[sql.Composable, dict[str, Any]]:
    """Return the condition that the study ``c`` has the identifiers, looked up in its row, and its values."""
    parts: list[sql.Composable] = []
    values: dict[str, Any] = {}
    for number, (columns, text, whole) in enumerate(_given(wanted)):
        operator = sql.SQL("d.{} = {}" if whole else "starts_with(d.{}, {})")
        one = sql.SQL(" OR ").join(
            operator.format(sql.Identifier(column), sql.Placeholder(f"text{number}_{column}")) for column in columns
        )
        values |= {f"text{number}_{column}": _key(column, text) for column in columns}
        parts.append(sql.SQL("({})").format(one))
    probe = sql.SQL("(SELECT true FROM desk_studies d WHERE d.study_uid = c.study_uid AND {})")
    return probe.format(sql.SQL(" AND ").join(parts)), values


def _given(wanted: StudySearch) -> list[tuple[tuple[str, ...], str, bool]]:
    """Return columns, text and whether the whole of one of them must be the text."""
    given = [
        (("patient_key", "accession_key", "study_uid"), wanted.text.strip(), False),
        (("patient_id",), wanted.patient_id, True),
        (("accession_number",), wanted.accession_number, True),
    ]
    return [(columns, text.replace("\x00", ""), whole) for columns, text, whole in given if text]


def _key(column: str, text: str) -> str:
    return text.lower() if column.endswith("_key") else text


_KEYS = {"patient_id": "patient_key", "accession_number": "accession_key"}


def _few_of(column: str, text: str, whole: bool) -> sql.Composed:
    key = _KEYS.get(column, column)
    begins = text.lower() if key.endswith("_key") else text
    exactly = sql.SQL("AND {} = {}").format(sql.Identifier(column), sql.Literal(text)) if whole else sql.SQL("")
    return _RANGE.format(
        column=sql.Identifier(key),
        low=sql.Literal(begins),
        high=sql.Literal(f"{begins}\x01" if whole else f"{begins}{_LAST}"),
        whole=exactly,
        most=sql.Literal(_FEW + 1),
    )
