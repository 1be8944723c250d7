"""Lists of studies: search, filters, pages by keyset; what is done to all that a filter finds."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from starlette.responses import Response

from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.desk.search import Cursor, StudySearch, midnight, next_midnight
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.search import search
from trabecula.web.access.asked import Asked
from trabecula.web.desk.pages.study import CATEGORY_WORDS
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page, with_query

_ROWS = 50
WORDS = ("text", "scanner", "model", "reason", "site", "tag", "undelivered")
"""Filters that are words as they were typed."""


def show_studies(parts: DeskParts, asked: Asked) -> Response:
    """Show a page of the studies that a filter finds; that their persons were seen stands in the audit log."""
    wanted = search_of(asked)
    after = _cursor(asked.field("after"))
    found = search(driver_connection(asked.connection), wanted, after=after, limit=_ROWS)
    asked.audit(AuditAction.STUDIES_LISTED, studies=[row.study_uid for row in found.rows], detail=_told(asked))
    values = {
        "found": found,
        "words": CATEGORY_WORDS,
        "states": list(StudyState),
        "categories": [str(category) for category in Category],
        "filtered": any(asked.field(name) for name in (*WORDS, "from", "to", "state", "category")),
        "after": asked.field("after"),
        "csv": f"/api/v1/studies.csv{_for_the_api(asked)}",
        "destinations": sorted(parts.services(asked.connection.engine).destinations),
    }
    return page(parts, asked, "studies.html", values)


def search_of(asked: Asked) -> StudySearch:
    """Return what the address asks for. Raises ChoiceInvalid for a date, state or category that is none."""
    words = {name: asked.field(name) for name in WORDS}
    start, end = _day(asked.field("from")), _day(asked.field("to"))
    return StudySearch(
        **words,
        received_from=midnight(start) if start else None,
        received_to=next_midnight(end) if end else None,
        state=_one_of(StudyState, asked.field("state")),
        category=_one_of(Category, asked.field("category")),
        sites=asked.sites(),
    )


def _for_the_api(asked: Asked) -> str:
    """Return the filter as the API has it, which names its days by what they are about."""
    days = {"received_from": asked.field("from"), "received_to": asked.field("to")}
    return with_query(asked.request.query_params, **{"from": None, "to": None, "after": None}, **days)


def _cursor(text: str) -> Cursor | None:
    try:
        return Cursor.parse(text) if text else None
    except ValueError as error:
        raise ChoiceInvalid("this page of the list is no place in it") from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ChoiceInvalid(f"{text[:20]!r} is no date such as 2026-11-30") from error


_Kind = TypeVar("_Kind", StudyState, Category)


def _one_of(kind: type[_Kind], text: str) -> _Kind | None:
    try:
        return kind(text.upper()) if text else None
    except ValueError as error:
        raise ChoiceInvalid(f"{text[:30]!r} is none of {', '.join(kind)}") from error


def _told(asked: Asked) -> str:
    """Which filters were used, without what was typed: an identifier is person data."""
    return ", ".join(name for name in (*WORDS, "from", "to", "state", "category") if asked.field(name))
