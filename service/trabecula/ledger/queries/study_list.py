"""Lists of studies with filters, for screens and CSV: plain SQL on a plain connection, to start at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.errors import InstanceConflict
from trabecula.domain.results.result import Category
from trabecula.domain.study.copies import QuarantineState
from trabecula.domain.study.study import StudyState
from trabecula.ledger.queries.activity import Activities

LOG_COLUMNS = (
    "study_uid", "revision", "state", "category", "accession_number", "patient_id", "patient_id_issuer", "sex",
    "birth_date", "age_years", "study_date", "description", "modality", "l1_hu", "mean_hu", "vbq", "model", "score",
    "score_positive", "manufacturer", "scanner_model", "station", "calling_ae_title", "received_at", "last_image_at",
    "frozen_at", "analysed_at", "reported_at", "done_at", "instances", "refused", "reasons", "models",
    "next_attempt_at", "failed_stage", "failure_code", "failure_sentence", "failure_next_step",
)  # fmt: skip
"""The columns of the view ``screening_log``, in order; also the header of the CSV export."""


@dataclass(frozen=True, kw_only=True)
class StudyFilter:
    """Which studies to list; everything given must hold.

    Dates are of the first received image, both ends included. ``scanner`` is found anywhere in manufacturer, model or
    station, in any case; ``model`` is a model bundle's id; ``reason`` a reason code of the newest revision, or
    the code of the error a study failed with. ``patient`` is a Patient ID and ``accession`` an Accession Number, both
    whole; ``since`` is how long ago the first image may have come.
    """

    received_from: date | None = None
    received_to: date | None = None
    state: StudyState | None = None
    category: Category | None = None
    scanner: str = ""
    model: str = ""
    reason: str = ""
    patient: str = ""
    accession: str = ""
    since: timedelta | None = None
    limit: int = 200
    offset: int = 0


_CONFLICTS: LiteralString = f"""
    (SELECT count(*) FROM quarantine q JOIN instances i ON i.sop_instance_uid = q.sop_instance_uid
     WHERE i.study_uid = s.study_uid AND q.sha256 <> i.sha256
       AND q.state = '{QuarantineState.HELD}' AND q.code = '{InstanceConflict.code}')
"""
"""How many held copies a study's images have: ``ledger.rows.quarantine.is_conflict`` in SQL."""

_CONDITIONS: dict[str, LiteralString] = {
    "received_from": "s.first_image_at >= %(received_from)s",
    "received_to": "s.first_image_at < %(received_to)s",
    "state": "s.state = %(state)s",
    "category": "s.category = %(category)s",
    "scanner": """(strpos(lower(s.manufacturer), %(scanner)s) > 0 OR strpos(lower(s.scanner_model), %(scanner)s) > 0
                   OR strpos(lower(s.station), %(scanner)s) > 0)""",
    "model": """EXISTS (SELECT 1 FROM scores c WHERE c.study_uid = s.study_uid AND c.revision = s.revision
                        AND c.model_id = %(model)s)""",
    "patient": "s.patient_id = %(patient)s",
    "accession": "s.accession_number = %(accession)s",
    "since": "s.first_image_at >= now() - %(since)s",
    "reason": """(s.failure_code = %(reason)s
                  OR EXISTS (SELECT 1 FROM reasons r WHERE r.study_uid = s.study_uid AND r.revision = s.revision
                             AND r.code = %(reason)s))""",
}


def list_studies(
    connection: psycopg.Connection[Any], wanted: StudyFilter | None = None, *, activity: bool = True
) -> list[dict[str, Any]]:
    """Return the matching rows of ``screening_log`` as plain values, the newest first.

    ``conflicts`` is how many held copies of a study's images wait for an operator; ``activity`` adds what the queue
    does with each study.
    """
    wanted = wanted or StudyFilter()
    where, values = _where(wanted)
    columns: LiteralString = ", ".join(f"l.{name}" for name in LOG_COLUMNS)
    query: LiteralString = (
        f"SELECT {columns}, {_CONFLICTS} AS conflicts FROM screening_log l JOIN studies s USING (study_uid) {where} "
        "ORDER BY s.first_image_at DESC, s.study_uid LIMIT %(limit)s OFFSET %(offset)s"
    )
    values |= {"limit": wanted.limit, "offset": wanted.offset}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = [_plain(row) for row in cursor.execute(query, values)]
    if not activity:
        return rows
    activities = Activities(connection, [row["study_uid"] for row in rows])
    return [row | activities.of(row["study_uid"], row["state"]) for row in rows]


def count_studies(connection: psycopg.Connection[Any], wanted: StudyFilter | None = None) -> int:
    """Return how many studies match, whatever the limit."""
    where, values = _where(wanted or StudyFilter())
    row = connection.execute(f"SELECT count(*) FROM studies s {where}", values).fetchone()
    assert row is not None, "a count is one row"
    return int(row[0])


def export_rows(connection: psycopg.Connection[Any], wanted: StudyFilter | None = None) -> Iterator[Sequence[str]]:
    """Yield the header and then one row of texts for each matching study, for CSV."""
    yield LOG_COLUMNS
    for row in list_studies(connection, wanted, activity=False):
        yield [_text(row[name]) for name in LOG_COLUMNS]


def _where(wanted: StudyFilter) -> tuple[LiteralString, dict[str, Any]]:
    """Return the clause and its values for everything a filter gives."""
    values: dict[str, Any] = {
        "received_from": wanted.received_from and _midnight(wanted.received_from),
        "received_to": wanted.received_to and _midnight(wanted.received_to + timedelta(days=1)),
        "state": wanted.state and str(wanted.state),
        "category": wanted.category and str(wanted.category),
        "scanner": wanted.scanner.lower(),
        "model": wanted.model,
        "patient": wanted.patient,
        "accession": wanted.accession,
        "since": wanted.since,
        "reason": wanted.reason.upper(),
    }
    given = {name: value for name, value in values.items() if value}
    clause: LiteralString = " AND ".join(_CONDITIONS[name] for name in given)
    return (f"WHERE {clause}" if given else ""), given


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day).astimezone()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(str(item) for item in value)
    return "" if value is None else str(value)
