"""DXA and QCT of the site: a file is read line by line and shown, or written as a whole; CSV or an Excel workbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from trabecula.domain.audit.entry import MOST_NAMED, AuditAction, PatientKey
from trabecula.domain.errors import InputUnreadable, ReferencesInvalid
from trabecula.domain.study.reference import Reference
from trabecula.ledger.references.imports import Import, Unknown, import_references
from trabecula.ledger.references.matching import MatchedStudy, default_window_days, match_studies
from trabecula.ledger.references.reference_csv import LineProblem, read_references
from trabecula.ledger.references.workbook import HEAD, csv_of_workbook
from trabecula.web.access.asked import Asked
from trabecula.web.api.door import Importer
from trabecula.web.api.shapes.references import LineProblemShown, ReferenceLine, ReferenceReport

router = APIRouter(prefix="/references", tags=["references"])
_EXAMPLE = "patient_id,measured_on,method,site,t_score,value\r\nP-17,2026-01-31,DXA,lumbar spine,-2.6,0.742\r\n"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"contentMediaType": "text/csv"}, "example": _EXAMPLE},
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _BINARY,
        },
    }
}
_Window = Annotated[
    int | None, Query(ge=0, le=3650, description="Days that may lie between measurement and study; 365 by default.")
]
_UnknownPatients = Annotated[Unknown, Query(description="Measurements of patients without a study here.")]
_Replace = Annotated[bool, Query(description="Overwrite measurements that are here with other values.")]


async def _sent(request: Request) -> bytes:
    return await request.body()


_Sent = Annotated[bytes, Depends(_sent)]


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file that was read: measurements by line, their studies, and what is wrong."""

    references: Mapping[int, Reference]
    studies: Mapping[int, MatchedStudy]
    problems: tuple[LineProblem, ...]
    window_days: int


@router.post("/preview", openapi_extra=_BODY)
def preview_references(
    door: Importer,
    content: _Sent,
    window_days: _Window = None,
    unknown: _UnknownPatients = Unknown.REFUSE,
    replace: _Replace = False,
) -> ReferenceReport:
    """Read a file of DXA and QCT measurements line by line and say what an import would do.

    Units are checked (g/cm3 is told from mg/cm3); each line is matched with the nearest study of its patient. Nothing
    is written. The columns are those of `trabecula studies import-references --help`.
    """
    with door.opened() as asked:
        file = _read(asked, content, window_days)
        engine = asked.connection.engine
        checked = import_references(engine, file.references, asked.actor.who, unknown, replace, dry_run=True)
        _audit(asked, file, AuditAction.STUDIES_LISTED)
        return _report(file, checked, written=False)


@router.post("/import", openapi_extra=_BODY)
def import_all_references(
    door: Importer,
    content: _Sent,
    window_days: _Window = None,
    unknown: _UnknownPatients = Unknown.REFUSE,
    replace: _Replace = False,
) -> ReferenceReport:
    """Write a file of DXA and QCT measurements: all of its lines, or none where one is wrong.

    A file may be imported again: what is there with the same values counts as present.
    """
    with door.opened() as asked:
        file = _read(asked, content, window_days)
        engine, who = asked.connection.engine, asked.actor.who
        checked = import_references(engine, file.references, who, unknown, replace, dry_run=True)
        if problems := (*file.problems, *checked.problems):
            raise ReferencesInvalid(_told(problems))
        asked.connection.commit()
        done = import_references(engine, file.references, who, unknown, replace)
        if done.problems:
            raise ReferencesInvalid(_told(done.problems))
        return _report(file, done, written=True)


def _read(asked: Asked, content: bytes, window_days: int | None) -> _File:
    if not content:
        raise InputUnreadable("nothing was sent")
    text = csv_of_workbook(content) if content.startswith(HEAD) else content
    reading = read_references(text, datetime.now().astimezone().date())
    window = default_window_days() if window_days is None else window_days
    studies = match_studies(asked.connection, reading.references, window, asked.sites())
    return _File(references=reading.references, studies=studies, problems=reading.problems, window_days=window)


def _audit(asked: Asked, file: _File, action: AuditAction) -> None:
    """Write whose measurements were shown or written, and the studies that were named beside them."""
    persons = sorted({PatientKey(item.patient_id, item.issuer) for item in file.references.values()})
    studies = sorted({match.study_uid for match in file.studies.values()})
    for start in range(0, max(len(persons), len(studies)), MOST_NAMED):
        part = slice(start, start + MOST_NAMED)
        asked.audit(action, studies=studies[part], patients=persons[part], subject="reference measurements")


def _told(problems: tuple[LineProblem, ...]) -> str:
    first = min(problems, key=lambda item: item.line)
    return f"{len(problems)} problems, the first in line {first.line}: {first.column} {first.found}; preview shows all"


def _report(file: _File, done: Import, *, written: bool) -> ReferenceReport:
    problems = sorted((*file.problems, *done.problems), key=lambda item: item.line)
    return ReferenceReport(
        written=written,
        added=done.added,
        replaced=done.replaced,
        present=done.present,
        skipped=done.skipped,
        patients=done.patients,
        matched=len(file.studies),
        window_days=file.window_days,
        lines=[_line(line, item, file.studies.get(line)) for line, item in sorted(file.references.items())],
        problems=[LineProblemShown.model_validate(item) for item in problems],
    )


def _line(line: int, item: Reference, match: MatchedStudy | None) -> ReferenceLine:
    return ReferenceLine(
        line=line,
        patient_id=item.patient_id,
        issuer=item.issuer,
        measured_on=item.measured_on,
        method=item.method,
        site=item.site,
        t_score=item.t_score,
        z_score=item.z_score,
        value=item.value,
        unit=item.method.unit,
        study_uid=match.study_uid if match else None,
        study_date=match.study_date if match else None,
        days=match.days if match else None,
    )
