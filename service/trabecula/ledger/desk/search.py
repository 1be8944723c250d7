"""Pages of studies for the desk: what a search finds, as rows that a page shows; and the same in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.desk.matching import ROWS_AT_MOST, desk_planning, matches

__all__ = ["ROWS_AT_MOST", "Count", "Cursor", "StudyPage", "StudyRow", "StudySearch", "batches", "count", "search"]

_COLUMNS = (
    "study_uid", "first_image_at", "site", "state", "category", "revision", "patient_id", "accession_number",
    "study_date", "modality", "description", "scanner", "l1_hu", "mean_hu", "vbq", "reasons", "models", "tags",
    "failure_code", "conflicts",
)  # fmt: skip
_ROWS = f"SELECT {', '.join(_COLUMNS)}, terms FROM desk_studies WHERE study_uid = ANY(%s)"  # noqa: S608 - names above
_NEXT_ATTEMPTS = """
    SELECT u.study_uid, (SELECT min(d.next_attempt_at) FROM object_deliveries d
                         WHERE d.study_uid = u.study_uid AND d.revision = u.revision AND d.state = 'PENDING')
    FROM unnest(%s::text[], %s::bigint[]) AS u(study_uid, revision)
"""
_RUNNING = """
    SELECT j.args ->> 'study_uid', bool_or(j.status = 'doing') FROM procrastinate_jobs j
    WHERE j.args ->> 'study_uid' = ANY(%s) AND j.status IN ('todo', 'doing') GROUP BY 1
"""
_WAITING = "SELECT DISTINCT study_uid FROM backlog WHERE study_uid = ANY(%s) AND due_at <= clock_timestamp()"
_MOST_COUNTED = 1_000
_ROOM_FOR_ROWS = 1_200
"""Rows that the page itself may cost beside finding its studies."""


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """A study as lists show it (patient data).

    ``l1_hu`` and ``mean_hu`` are trabecular attenuation in HU, ``vbq`` has no unit. ``activity`` is ``running``,
    ``waiting`` (a job of it is due and none runs) or empty. ``conflicts`` counts held copies of its images.
    """

    study_uid: StudyUid
    first_image_at: datetime
    site: str
    state: StudyState
    category: Category | None
    revision: int
    patient_id: str
    accession_number: str
    study_date: date | None
    modality: str
    description: str
    scanner: str
    l1_hu: float | None
    mean_hu: float | None
    vbq: float | None
    reasons: tuple[str, ...]
    models: tuple[str, ...]
    tags: tuple[str, ...]
    failure_code: str | None
    conflicts: int
    next_attempt_at: datetime | None = None
    activity: str = ""


@dataclass(frozen=True, kw_only=True)
class StudyPage:
    """Rows, newest first, and where the next page begins (None: there is none).

    ``complete`` is False where the search stopped because it may read no more rows before the page was full: everything
    from ``searched_back_to`` on has been looked at, and ``next`` goes on from there.
    ``prepared`` is False while studies of an older version are not findable yet (they are being worked through).
    """

    rows: tuple[StudyRow, ...]
    next: Cursor | None
    complete: bool = True
    searched_back_to: datetime | None = None
    prepared: bool = True


@dataclass(frozen=True)
class Count:
    """How many studies a search finds: exactly so many, or more."""

    at_least: int
    exact: bool


def search(
    connection: psycopg.Connection[Any],
    wanted: StudySearch,
    *,
    after: Cursor | None = None,
    limit: int = 50,
    rows_at_most: int = ROWS_AT_MOST,
) -> StudyPage:
    """Return a page of the studies that are wanted, behind ``after``; at most 100 rows. Raises psycopg.Error."""
    limit = max(1, min(limit, 100))
    with connection.transaction():
        room = rows_at_most - _ROOM_FOR_ROWS * limit // 100
        found = matches(connection, wanted, after=after, limit=limit, rows_at_most=room)
        rows = study_rows(connection, [item.study_uid for item in found.found])
        prepared = is_prepared(connection)
    return StudyPage(
        rows=rows,
        next=found.next,
        complete=found.complete,
        searched_back_to=found.searched_back_to,
        prepared=prepared,
    )


def study_rows(connection: psycopg.Connection[Any], study_uids: Sequence[StudyUid]) -> tuple[StudyRow, ...]:
    """Return the rows of these studies in this order; what is not known is left out. At most a few hundred."""
    with desk_planning(connection), connection.cursor(row_factory=dict_row) as cursor:
        rows = {row["study_uid"]: row for row in cursor.execute(_ROWS, (list(study_uids),))}
        pending = [row for row in rows.values() if any(term.startswith("pending:") for term in row["terms"])]
        places = [[row["study_uid"] for row in pending], [row["revision"] for row in pending]]
        attempts: dict[str, datetime | None] = dict(connection.execute(_NEXT_ATTEMPTS, places).fetchall())
        activity = _activity(connection, [uid for uid, row in rows.items() if row["state"] not in _AT_REST])
    return tuple(_row(rows[uid], attempts.get(uid), activity.get(uid, "")) for uid in study_uids if uid in rows)


_AT_REST = frozenset({"DONE", "FAILED", "CANCELLED"})


def _activity(connection: psycopg.Connection[Any], study_uids: Sequence[str]) -> dict[str, str]:
    if not study_uids:
        return {}
    found = {uid: "waiting" for (uid,) in connection.execute(_WAITING, (list(study_uids),))}
    for uid, runs in connection.execute(_RUNNING, (list(study_uids),)):
        found[uid] = "running" if runs else "waiting"
    return found


def _row(row: dict[str, Any], next_attempt_at: datetime | None, activity: str) -> StudyRow:
    values = {name: row[name] for name in _COLUMNS}
    values |= {name: tuple(row[name]) for name in ("reasons", "models", "tags")}
    values["study_uid"] = StudyUid(row["study_uid"])
    values["state"] = StudyState(row["state"])
    values["category"] = Category(row["category"]) if row["category"] else None
    return StudyRow(**values, next_attempt_at=next_attempt_at, activity=activity)


def count(connection: psycopg.Connection[Any], wanted: StudySearch, *, most: int = _MOST_COUNTED) -> Count:
    """Return how many studies are wanted, at least so many where counting on would read more rows than it may."""
    found = matches(connection, wanted, after=None, limit=most)
    return Count(len(found.found) + (found.next is not None and found.complete), exact=found.next is None)


def batches(
    connection: psycopg.Connection[Any], wanted: StudySearch, size: int = 500, *, after: Cursor | None = None
) -> Iterator[tuple[Cursor, ...]]:
    """Yield what is wanted in batches of at most ``size``, the newest first, each found in a short transaction.

    What comes while it runs is not waited for: it begins with the newest study there is now. A batch may be small, and
    the connection must not be inside a transaction of the caller's, which would last as long as all of it.
    """
    place, more = after, True
    while more:
        found = matches(connection, wanted, after=place, limit=size)
        place, more = found.next, found.next is not None
        if found.found:
            yield found.found


def one_batch(
    connection: psycopg.Connection[Any], wanted: StudySearch, size: int, after: Cursor | None
) -> tuple[tuple[Cursor, ...], Cursor | None]:
    """Return the next batch, maybe empty, and where to go on behind it, None at the end."""
    found = matches(connection, wanted, after=after, limit=size)
    return found.found, found.next


def within(wanted: StudySearch, sites: frozenset[str] | None) -> StudySearch:
    """Return the search as somebody may make it who sees only these sites (None: all)."""
    if sites is None:
        return wanted
    return replace(wanted, sites=sites if wanted.sites is None else sites & wanted.sites)


def is_prepared(connection: psycopg.Connection[Any]) -> bool:
    """Return whether every study of an older version has its flat row."""
    return connection.execute("SELECT FROM desk_backfill WHERE ended_at IS NULL").fetchone() is None
