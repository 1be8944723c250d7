"""What the queue does with a study right now: whether its analysis or report runs, or which place it has in line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from trabecula.domain.study.jobs import Stage
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid

_STAGES = {StudyState.ANALYSING: Stage.ANALYSE, StudyState.REPORTING: Stage.REPORT}
"""The states in which a study may wait for a processor."""

_JOBS = """
    SELECT study_uid, task_name, status, since, later,
           CASE WHEN status = 'todo' AND NOT later
                THEN row_number() OVER (PARTITION BY status, later ORDER BY priority DESC, id) END AS place
    FROM (SELECT j.id, j.args ->> 'study_uid' AS study_uid, j.task_name, j.status::text AS status, j.priority,
                 coalesce(j.scheduled_at > clock_timestamp(), false) AS later,
                 CASE WHEN j.status = 'todo' THEN coalesce(j.scheduled_at, e.at) ELSE e.at END AS since
          FROM procrastinate_jobs j
          LEFT JOIN LATERAL (
              SELECT max(at) AS at FROM procrastinate_events
              WHERE job_id = j.id AND type::text = CASE WHEN j.status = 'doing' THEN 'started' ELSE 'deferred' END
          ) e ON true
          WHERE j.queue_name = 'cpu' AND j.status IN ('todo', 'doing')) AS jobs
"""
"""Workers take the highest priority first, then the oldest job; a job that tries again later has no place yet."""

NOTHING: dict[str, Any] = {"activity": None, "place": None, "since": None}


class Activities:
    """What the processors' queue holds, read once for any number of studies."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        for study_uid, task, status, since, later, place in connection.execute(_JOBS):
            running = status == "doing"
            moment = since.isoformat() if isinstance(since, datetime) else None
            found = {"activity": "running" if running else "waiting", "place": place, "since": moment}
            if later:
                found["since"] = None
            if running or (study_uid, task) not in self._found:
                self._found[study_uid, task] = found

    def of(self, study_uid: StudyUid, state: str) -> dict[str, Any]:
        """Return ``activity`` (waiting, running or None), ``place`` in line (from 1) and ``since`` when, for a study.

        A study whose job tries again later waits without a place.
        """
        stage = _STAGES.get(StudyState(state))
        return dict(self._found.get((study_uid, f"trabecula.{stage}"), NOTHING)) if stage else dict(NOTHING)
