"""Every study of a filter as CSV, in batches: a short transaction each, audited before its lines go out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.search import StudyRow, one_batch, study_rows
from trabecula.web.api.door import Door, Exporter
from trabecula.web.api.shapes.studies import ListedStudy
from trabecula.web.api.studies.filters import InAddress

router = APIRouter(tags=["studies"])
_COLUMNS = tuple(name for name in ListedStudy.model_fields if name not in ("next_attempt_at", "activity"))
_BATCH = 200
_CSV = "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@router.get(
    "/studies.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {_CSV: {"schema": {"type": "string"}}}, "description": "A line for each study."}},
)
def export_studies(door: Exporter, wanted: InAddress) -> StreamingResponse:
    """Export every study of a filter as CSV, the newest first.

    Of the sites where one may export. A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    with door.opened() as asked:
        search = wanted.search(asked, Permission.EXPORT_STUDIES)
    chunks = _chunks(door, search)
    started = next(chunks)  # what is refused is refused before the first line
    disposition = {"content-disposition": 'attachment; filename="studies.csv"'}
    return StreamingResponse(_all(started, chunks), media_type=f"{_CSV}; charset=utf-8", headers=disposition)


def _all(started: str, chunks: Iterator[str]) -> Iterator[str]:
    yield started
    yield from chunks


def _chunks(door: Door, search: StudySearch) -> Iterator[str]:
    """Yield the heading with the first batch, then a batch at a time."""
    lines: list[Iterable[object]] = [_COLUMNS]
    place, more = None, True
    while more:
        rows, place = _batch(door, search, place)
        more = place is not None
        yield _text([*lines, *(_line(row) for row in rows)])
        lines = []


def _batch(door: Door, search: StudySearch, place: Cursor | None) -> tuple[tuple[StudyRow, ...], Cursor | None]:
    with door.opened() as asked:
        connection = driver_connection(asked.connection)
        found, behind = one_batch(connection, search, _BATCH, place)
        rows = study_rows(connection, [item.study_uid for item in found])
        if rows:
            asked.audit(AuditAction.STUDIES_EXPORTED, studies=[row.study_uid for row in rows], detail="CSV")
        return rows, behind


def _text(lines: Iterable[Iterable[object]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(lines)
    return written.getvalue()


def _line(row: StudyRow) -> list[str]:
    return [_cell(getattr(row, name)) for name in _COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
