"""How fast the disk fills: what came and went in a week, on a plain connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from trabecula.domain.study.disk_room import DiskRoom
from trabecula.domain.uids import StudyUid

_RATE_DAYS = 7.0
"""The rate is that of the last week: days differ, weeks resemble one another."""
_LEAST_DAYS = 1 / 24

_CAME = "SELECT least(%(days)s, extract(epoch FROM clock_timestamp() - min(first_image_at)) / 86400) FROM studies"
_IMAGES = """
    SELECT coalesce(sum(i.size_bytes), 0) FROM studies s JOIN instances i USING (study_uid)
    WHERE s.last_image_at > clock_timestamp() - %(days)s * interval '1 day'
      AND i.received_at > clock_timestamp() - %(days)s * interval '1 day'
"""
_REMOVED = """
    SELECT coalesce(sum(size_bytes), 0) FROM removals
    WHERE begun_at > clock_timestamp() - %(days)s * interval '1 day'
"""
_RESULTS = """
    SELECT study_uid, revision, count(*) OVER () FROM revisions
    WHERE reported_at > clock_timestamp() - %(days)s * interval '1 day' ORDER BY reported_at DESC LIMIT 20
"""


def newest_results(connection: psycopg.Connection[Any]) -> tuple[Sequence[tuple[StudyUid, int]], int]:
    """Return study and revision of the newest results of a week, at most 20, and how many there were."""
    rows = connection.execute(_RESULTS, {"days": _RATE_DAYS}).fetchall()
    return [(StudyUid(row[0]), row[1]) for row in rows], int(rows[0][2]) if rows else 0


def disk_room(
    connection: psycopg.Connection[Any], free_bytes: int, watermark_bytes: int, results_bytes: int
) -> DiskRoom | None:
    """Return how the disk fills; None before the first image. ``results_bytes`` are those of a week's results."""

    def value(query: str) -> Any:
        (found,) = connection.execute(query, {"days": _RATE_DAYS}).fetchone() or (None,)
        return found

    age = value(_CAME)
    if age is None:
        return None
    return DiskRoom(
        free_bytes=free_bytes,
        watermark_bytes=watermark_bytes,
        came_bytes=int(value(_IMAGES)) + results_bytes,
        removed_bytes=int(value(_REMOVED)),
        days=max(_LEAST_DAYS, float(age)),
    )
