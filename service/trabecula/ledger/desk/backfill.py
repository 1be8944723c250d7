"""Studies of an older version get their flat rows in small batches, so that nothing is locked for long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Engine

from trabecula.ledger.database import database_errors, driver_connection

_BATCH = """
    WITH place AS (SELECT before_uid FROM desk_backfill WHERE ended_at IS NULL FOR UPDATE SKIP LOCKED),
    batch AS MATERIALIZED (
        SELECT s.study_uid FROM place, LATERAL (
            SELECT study_uid FROM studies
            WHERE place.before_uid IS NULL OR study_uid COLLATE "C" < place.before_uid
            ORDER BY study_uid COLLATE "C" DESC LIMIT %s) s),
    done AS MATERIALIZED (SELECT study_uid, desk_refresh(study_uid, true, true) FROM batch)
    SELECT (SELECT count(*) FROM place), count(*), min(study_uid COLLATE "C") FROM done
"""


def backfill_batch(connection: psycopg.Connection[Any], size: int = 200) -> bool:
    """Give the next few studies their rows, in a transaction of its own; False when all have theirs.

    Also False where another process is just doing it.
    """
    with connection.transaction():
        found = connection.execute(_BATCH, (size,)).fetchone()
        assert found is not None, "counts are one row"
        places, studies, last = found
        if not places:
            return False
        if studies:
            connection.execute("UPDATE desk_backfill SET before_uid = %s", (last,))
        else:
            connection.execute("UPDATE desk_backfill SET ended_at = clock_timestamp()")
        return bool(studies)


def backfill(engine: Engine, should_stop: Callable[[], bool], seconds: float) -> None:
    """Work on it for so many seconds, or until it is done or ``should_stop``. Raises DatabaseUnavailable."""
    until = time.monotonic() + seconds
    with database_errors(), engine.connect() as opened:
        connection = driver_connection(opened)
        while time.monotonic() < until and not should_stop() and backfill_batch(connection):
            connection.commit()
        connection.commit()
