"""What admins ask the ledger: lists with filters, one study in full, the audit trail, rows for CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, and_, exists, func, literal_column, or_, select, table
from sqlalchemy import column as sql_column
from sqlalchemy.sql.elements import ColumnElement

from trabecula.domain.errors import StudyUnknown
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import database_errors
from trabecula.ledger.queries.activity import Activities
from trabecula.ledger.queries.quarantine import conflicts_of_study, quarantined_count
from trabecula.ledger.queries.study_document import study_document
from trabecula.ledger.tables import EventRow, ReasonRow, ScoreRow, Study

LOG_COLUMNS = (
    "study_uid", "revision", "state", "category", "accession_number", "patient_id", "study_date", "description",
    "manufacturer", "scanner_model", "station", "calling_ae_title", "received_at", "last_image_at", "frozen_at",
    "analysed_at", "reported_at", "done_at", "instances", "reasons", "models", "failed_stage", "failure_code",
    "failure_sentence", "failure_next_step",
)  # fmt: skip
"""The columns of the view ``screening_log``, in order; also the header of the CSV export."""

_LOG = table("screening_log", *(sql_column(name) for name in LOG_COLUMNS))


@dataclass(frozen=True, kw_only=True)
class StudyFilter:
    """Which studies to list; everything given must hold.

    Dates are of the first received image, both ends included. ``scanner`` is found anywhere in manufacturer, model or
    station, in any case; ``model`` is a model bundle's id; ``reason`` a reason code of the newest revision.
    """

    received_from: date | None = None
    received_to: date | None = None
    state: StudyState | None = None
    category: Category | None = None
    scanner: str = ""
    model: str = ""
    reason: str = ""
    limit: int = 200
    offset: int = 0


def list_studies(engine: Engine, wanted: StudyFilter | None = None) -> list[dict[str, Any]]:
    """Return the matching rows of ``screening_log`` as plain values, the newest first.

    ``conflicts`` is how many held copies of a study's images wait for an operator.
    """
    query = _matching(wanted or StudyFilter())
    with database_errors(), engine.connect() as connection:
        rows = [_plain(dict(row)) for row in connection.execute(query).mappings()]
        activities = Activities(connection)
    return [row | activities.of(row["study_uid"], row["state"]) for row in rows]


def count_studies(engine: Engine, wanted: StudyFilter | None = None) -> int:
    """Return how many studies match, whatever the limit."""
    wanted = wanted or StudyFilter()
    query = select(func.count()).select_from(Study).where(*_conditions(wanted))
    with database_errors(), engine.connect() as connection:
        return connection.execute(query).scalar_one()


def show_study(engine: Engine, study_uid: StudyUid) -> dict[str, Any]:
    """Return everything about one study (the published JSON), and what the queue does with it. Raises StudyUnknown."""
    with database_errors(), engine.connect() as connection:
        document = study_document(connection, study_uid)
        held = quarantined_count(connection, study_uid) if document is None else 0
        if document is not None:
            document |= Activities(connection).of(study_uid, document["state"])
    if document is None:
        raise StudyUnknown(study_uid + (f"; {held} images that name it lie in quarantine" if held else ""))
    return document


def study_events(engine: Engine, study_uid: StudyUid) -> list[dict[str, Any]]:
    """Return the audit trail of a study in order: when, what, who."""
    query = (
        select(EventRow.at, EventRow.revision, EventRow.what, EventRow.detail, EventRow.who, EventRow.facts)
        .where(EventRow.study_uid == study_uid)
        .order_by(EventRow.id)
    )
    with database_errors(), engine.connect() as connection:
        return [_plain(dict(row)) for row in connection.execute(query).mappings()]


def export_rows(engine: Engine, wanted: StudyFilter | None = None) -> Iterator[Sequence[str]]:
    """Yield the header and then one row of texts for each matching study, for CSV."""
    yield LOG_COLUMNS
    for row in list_studies(engine, wanted):
        yield [_text(row[name]) for name in LOG_COLUMNS]


def _matching(wanted: StudyFilter) -> Select[Any]:
    return (
        select(_LOG, conflicts_of_study(Study.study_uid).label("conflicts"))
        .join(Study, Study.study_uid == literal_column("screening_log.study_uid"))
        .where(*_conditions(wanted))
        .order_by(Study.first_image_at.desc(), Study.study_uid)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )


def _conditions(wanted: StudyFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.received_from is not None:
        conditions.append(Study.first_image_at >= _midnight(wanted.received_from))
    if wanted.received_to is not None:
        conditions.append(Study.first_image_at < _midnight(wanted.received_to + timedelta(days=1)))
    if wanted.state is not None:
        conditions.append(Study.state == str(wanted.state))
    if wanted.category is not None:
        conditions.append(Study.category == str(wanted.category))
    if wanted.scanner:
        places = (Study.manufacturer, Study.scanner_model, Study.station)
        conditions.append(or_(*(place.icontains(wanted.scanner, autoescape=True) for place in places)))
    if wanted.model:
        conditions.append(exists().where(_of_newest(ScoreRow), ScoreRow.model_id == wanted.model))
    if wanted.reason:
        conditions.append(exists().where(_of_newest(ReasonRow), ReasonRow.code == wanted.reason.upper()))
    return conditions


def _of_newest(rows: type[ScoreRow] | type[ReasonRow]) -> ColumnElement[bool]:
    return and_(rows.study_uid == Study.study_uid, rows.revision == Study.revision)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day).astimezone()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(str(item) for item in value)
    return "" if value is None else str(value)
