"""Bulk actions as people look at them: which there are, how far each is, and what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from trabecula.domain.desk.bulk import BulkAction, BulkKind, BulkOutcome, BulkState
from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.errors_of.bulk import BulkUnknown
from trabecula.domain.uids import StudyUid

MOST_REFUSALS = 1_000


def action_of(row: Mapping[str, Any]) -> BulkAction:
    """Return the action of a row of ``bulk_actions``."""
    after = Cursor(row["after_at"], StudyUid(row["after_uid"])) if row["after_at"] is not None else None
    same = ("argument", "who", "begun_at", "ended_at", "done", "refused", "most")
    return BulkAction(
        number=row["id"],
        kind=BulkKind(row["kind"]),
        wanted=StudySearch.from_json(row["wanted"]),
        state=BulkState(row["state"]),
        after=after,
        **{name: row[name] for name in same},
    )


def bulk_actions(connection: psycopg.Connection[Any], limit: int = 50) -> tuple[BulkAction, ...]:
    """Return the newest bulk actions, the newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT * FROM bulk_actions ORDER BY id DESC LIMIT %s", (limit,))
        return tuple(action_of(row) for row in rows)


def bulk_action(connection: psycopg.Connection[Any], number: int) -> BulkAction:
    """Return one bulk action. Raises BulkUnknown."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT * FROM bulk_actions WHERE id = %s", (number,)).fetchone()
    if row is None:
        raise BulkUnknown(str(number))
    return action_of(row)


def refusals(connection: psycopg.Connection[Any], number: int) -> tuple[BulkOutcome, ...]:
    """Return the studies to which it could not be done, at most MOST_REFUSALS, by their UIDs."""
    rows = connection.execute(
        "SELECT study_uid, code, sentence FROM bulk_outcomes WHERE bulk_id = %s ORDER BY study_uid LIMIT %s",
        (number, MOST_REFUSALS),
    )
    return tuple(BulkOutcome(StudyUid(uid), code, sentence) for uid, code, sentence in rows)
