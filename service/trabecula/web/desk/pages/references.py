"""DXA and QCT of the site: a file is shown line by line before it is written as a whole."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from starlette.datastructures import UploadFile
from starlette.responses import Response

from trabecula.domain.audit.entry import MOST_NAMED, AuditAction, PatientKey
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.ledger.references.imports import Import, Unknown, import_references
from trabecula.ledger.references.matching import MatchedStudy, default_window_days, match_studies
from trabecula.ledger.references.reference_csv import ReferenceReading, read_references
from trabecula.ledger.references.workbook import HEAD, csv_of_workbook
from trabecula.web.access.asked import Asked
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page

LARGEST = 600_000
"""Bytes of a file that goes through the page (some 10,000 lines); longer ones go through the API or a command."""
_SHOWN = 500
_WISHES = {"refuse": Unknown.REFUSE, "skip": Unknown.SKIP, "keep": Unknown.KEEP}


def show_references(parts: DeskParts, asked: Asked) -> Response:
    """Ask for a file."""
    return page(parts, asked, "references.html", {"largest": LARGEST, "done": None})


def preview_references(parts: DeskParts, asked: Asked) -> Response:
    """Show what the file holds, with which study each line goes, and what is wrong; nothing is written."""
    content, name = _uploaded(asked)
    reading, matches = _read(asked, content)
    unknown, replace = _wishes(asked)
    engine = asked.connection.engine
    checked = import_references(engine, reading.references, asked.actor.who, unknown, replace, dry_run=True)
    _audit(asked, reading, matches, AuditAction.STUDIES_LISTED)
    values = _values(reading, matches, checked) | {
        "file": name,
        "content": base64.b64encode(content).decode("ascii"),
        "unknown": str(unknown),
        "replace": replace,
    }
    return page(parts, asked, "references_preview.html", values)


def take_references(parts: DeskParts, asked: Asked) -> Response:
    """Write the file that was shown: all of its lines, or none."""
    try:
        content = base64.b64decode(_text(asked, "content"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ChoiceInvalid("the file came broken; choose it once more") from error
    reading, matches = _read(asked, content)
    unknown, replace = _wishes(asked)
    engine, who = asked.connection.engine, asked.actor.who
    checked = import_references(engine, reading.references, who, unknown, replace, dry_run=True)
    if reading.problems or checked.problems:
        values = _values(reading, matches, checked) | {
            "file": "the file", "content": "", "unknown": str(unknown), "replace": replace,
        }  # fmt: skip
        return page(parts, asked, "references_preview.html", values, status=422)
    asked.connection.commit()
    done = import_references(engine, reading.references, who, unknown, replace)
    return page(parts, asked, "references.html", {"largest": LARGEST, "done": done})


def _values(reading: ReferenceReading, matches: dict[int, MatchedStudy], checked: Import) -> dict[str, object]:
    lines = sorted(reading.references.items())
    return {
        "lines": [(number, item, matches.get(number)) for number, item in lines[:_SHOWN]],
        "whole": len(lines),
        "matched": len(matches),
        "problems": sorted((*reading.problems, *checked.problems), key=lambda problem: problem.line)[:_SHOWN],
        "checked": checked,
        "window_days": default_window_days(),
    }


def _read(asked: Asked, content: bytes) -> tuple[ReferenceReading, dict[int, MatchedStudy]]:
    text = csv_of_workbook(content) if content.startswith(HEAD) else content
    reading = read_references(text, datetime.now().astimezone().date())
    return reading, match_studies(asked.connection, reading.references, default_window_days(), asked.sites())


def _uploaded(asked: Asked) -> tuple[bytes, str]:
    file = asked.form.get("file")
    if not isinstance(file, UploadFile) or not file.size:
        raise ChoiceInvalid("choose a file that is not empty")
    if file.size > LARGEST:
        raise ChoiceInvalid(
            f"the file has {file.size} bytes, {LARGEST} go through this page; use `trabecula studies "
            "import-references` or the API"
        )
    return file.file.read(), file.filename or "file"


def _wishes(asked: Asked) -> tuple[Unknown, bool]:
    wish = asked.field("unknown") or "refuse"
    if wish not in _WISHES:
        raise ChoiceInvalid(f"{wish[:20]!r} is none of {', '.join(_WISHES)}")
    return _WISHES[wish], bool(asked.field("replace"))


def _text(asked: Asked, name: str) -> str:
    value = asked.form.get(name)
    return value if isinstance(value, str) else ""


def _audit(asked: Asked, reading: ReferenceReading, matches: dict[int, MatchedStudy], action: AuditAction) -> None:
    """Write whose measurements were shown or written, and the studies that were named beside them."""
    persons = sorted({PatientKey(item.patient_id, item.issuer) for item in reading.references.values()})
    studies = sorted({match.study_uid for match in matches.values()})
    for start in range(0, max(len(persons), len(studies)), MOST_NAMED):
        part = slice(start, start + MOST_NAMED)
        asked.audit(action, studies=studies[part], patients=persons[part], subject="reference measurements")
