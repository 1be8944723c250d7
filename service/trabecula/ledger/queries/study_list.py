"""Lists of studies with filters, for screens and CSV: plain SQL on a plain connection, to start at once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.desk.search import StudySearch
from trabecula.domain.uids import StudyUid
from trabecula.ledger.desk.search import batches
from trabecula.ledger.queries.activity import Activities

LOG_COLUMNS = (
    "study_uid", "revision", "state", "category", "accession_number", "patient_id", "patient_id_issuer", "sex",
    "birth_date", "age_years", "study_date", "description", "modality", "l1_hu", "mean_hu", "vbq", "model", "score",
    "score_positive", "manufacturer", "scanner_model", "station", "calling_ae_title", "received_at", "last_image_at",
    "frozen_at", "analysed_at", "reported_at", "done_at", "instances", "refused", "reasons", "models",
    "next_attempt_at", "failed_stage", "failure_code", "failure_sentence", "failure_next_step",
)  # fmt: skip
"""The columns of the view ``screening_log``, in order; also the header of the CSV export."""


_AT_ONCE = 10
"""Rows of the log read at once: each counts the images of its study, and a batch reads no more rows than a page may."""
_LOG: LiteralString = f"""
    SELECT {", ".join(f"l.{name}" for name in LOG_COLUMNS)}, d.conflicts
    FROM screening_log l JOIN desk_studies d USING (study_uid) WHERE l.study_uid = ANY(%s)
"""
_BATCH = 500


def list_studies(
    connection: psycopg.Connection[Any],
    wanted: StudySearch | None = None,
    *,
    limit: int = 200,
    activity: bool = True,
) -> list[dict[str, Any]]:
    """Return the matching rows of ``screening_log`` as plain values, the newest first.

    ``conflicts`` is how many held copies of a study's images wait for an operator; ``activity`` adds what the queue
    does with each study.
    """
    rows = list(log_rows(connection, found_studies(connection, wanted or StudySearch(), limit)))
    if not activity:
        return rows
    activities = Activities(connection, [row["study_uid"] for row in rows])
    return [row | activities.of(row["study_uid"], row["state"]) for row in rows]


def found_studies(
    connection: psycopg.Connection[Any], wanted: StudySearch, limit: int = sys.maxsize
) -> Iterator[StudyUid]:
    """Yield the studies of a search, the newest first, however far back they must be looked for."""
    found = (item.study_uid for batch in batches(connection, wanted, min(limit, _BATCH)) for item in batch)
    return islice(found, limit)


def log_rows(connection: psycopg.Connection[Any], study_uids: Iterable[StudyUid]) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``screening_log`` of these studies in this order, read in short transactions."""
    left = iter(study_uids)
    while chunk := list(islice(left, _AT_ONCE)):
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            rows = {row["study_uid"]: row for row in cursor.execute(_LOG, (chunk,))}
        yield from (_plain(rows[uid]) for uid in chunk if uid in rows)


def export_rows(connection: psycopg.Connection[Any], wanted: StudySearch | None = None) -> Iterator[Sequence[str]]:
    """Yield the header and then one row of texts for each matching study, for CSV."""
    yield LOG_COLUMNS
    for row in log_rows(connection, found_studies(connection, wanted or StudySearch())):
        yield [_text(row[name]) for name in LOG_COLUMNS]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(str(item) for item in value)
    return "" if value is None else str(value)
