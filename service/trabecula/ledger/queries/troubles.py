"""What waits for a person, for doctors and monitors: failed studies and deliveries, and what was put aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

_TROUBLES = """
    SELECT (SELECT count(*) FROM studies WHERE state = 'FAILED') AS failed,
           (SELECT count(DISTINCT study_uid) FROM events
             WHERE what = 'FAILED' AND at > now() - interval '24 hours') AS failed_today,
           (SELECT count(*) FROM object_deliveries d JOIN studies s USING (study_uid)
             WHERE d.revision = s.revision AND d.state IN ('FAILED', 'REFUSED')
               AND d.changed_at > now() - interval '24 hours') AS undelivered_today,
           (SELECT count(*) FROM quarantine WHERE state = 'HELD') AS held,
           (SELECT count(*) FROM quarantine
             WHERE state = 'HELD' AND last_received_at > now() - interval '24 hours') AS held_today,
           (SELECT extract(epoch FROM now() - max(last_image_at)) FROM studies) AS last_image_s
"""


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """Counts of now and of the last 24 hours; ``last_image_s`` is how long ago an image came, None for never."""

    failed: int
    failed_today: int
    undelivered_today: int
    held: int
    held_today: int
    last_image_s: float | None


def troubles(connection: psycopg.Connection[Any]) -> Troubles:
    """Return what waits for a person. Raises psycopg.Error."""
    row = connection.cursor(row_factory=dict_row).execute(_TROUBLES).fetchone()
    assert row is not None, "a query without FROM has one row"
    last = row.pop("last_image_s")
    return Troubles(**row, last_image_s=None if last is None else float(last))
