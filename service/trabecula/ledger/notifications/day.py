"""The figures of a day, for the digest: what came and was answered in a span, and what stands now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from trabecula.domain.notification.messages import DayFigures

_RECEIVED = "SELECT count(*) FROM studies WHERE first_image_at >= %(since)s AND first_image_at < %(until)s"
_ANSWERS = """
    SELECT category, count(*) FROM revisions
    WHERE analysed_at >= %(since)s AND analysed_at < %(until)s AND category IS NOT NULL GROUP BY category
"""
_REASONS = """
    SELECT q.code, count(DISTINCT (q.study_uid, q.revision)) FROM revisions r JOIN reasons q USING (study_uid, revision)
    WHERE r.analysed_at >= %(since)s AND r.analysed_at < %(until)s AND r.category = 'NOT_EVALUABLE'
      AND q.blocking AND q.level = '' GROUP BY q.code
"""
_DONE = "SELECT count(*) FROM revisions WHERE done_at >= %(since)s AND done_at < %(until)s"
_FAILED = "SELECT coalesce(failure_code, ''), count(*) FROM studies WHERE state = 'FAILED' GROUP BY failure_code"
_WAITING = "SELECT count(*) FROM studies WHERE state IN ('RECEIVING', 'ANALYSING', 'REPORTING', 'DELIVERING')"
_HELD = "SELECT count(*) FROM quarantine WHERE state = 'HELD'"


def day_figures(connection: psycopg.Connection[Any], since: datetime, until: datetime, free_bytes: int) -> DayFigures:
    """Return the figures between two moments. Raises psycopg.Error."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, {"since": since, "until": until}).fetchall()

    return DayFigures(
        since=since,
        until=until,
        received=int(rows(_RECEIVED)[0][0]),
        answers=dict(rows(_ANSWERS)),
        reasons=dict(rows(_REASONS)),
        done=int(rows(_DONE)[0][0]),
        failed=dict(rows(_FAILED)),
        waiting=int(rows(_WAITING)[0][0]),
        held=int(rows(_HELD)[0][0]),
        free_bytes=free_bytes,
    )
