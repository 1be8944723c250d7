"""What the queue does with a study right now: whether its analysis or report runs, or which place it has in line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from trabecula.domain.study.jobs import Stage
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid

_STAGES = {StudyState.ANALYSING: Stage.ANALYSE, StudyState.REPORTING: Stage.REPORT}
"""The states in which a study may wait for a processor."""

_RUNNING = """
    SELECT j.args ->> 'study_uid', j.task_name, j.status = 'doing', e.at
    FROM procrastinate_jobs j
    LEFT JOIN LATERAL (
        SELECT max(at) AS at FROM procrastinate_events WHERE job_id = j.id AND type IN ('started', 'deferred_for_retry')
    ) e ON true
    WHERE j.queue_name = 'cpu' AND j.status IN ('todo', 'doing')
"""
"""What was taken; a job whose worker died waits again, before all others."""

_WAITING = """
    SELECT study_uid, stage, CASE WHEN due_at <= clock_timestamp() THEN due_at END AS since
    FROM backlog WHERE study_uid = ANY(%s) AND stage IN ('analyse', 'report')
"""
_MOST_IN_LINE = 10_000
_LINE = """
    SELECT study_uid, stage, row_number() OVER (ORDER BY rank, nth, lane_id <= turn, lane_id) AS place
    FROM (SELECT b.study_uid, b.stage, b.lane_id, l.rank,
                 row_number() OVER (PARTITION BY b.lane_id ORDER BY b.due_at, b.id) AS nth,
                 coalesce(pg_sequence_last_value(('backlog_turn_cpu_' || l.rank)::regclass), 0) AS turn
          FROM backlog_lanes l JOIN backlog b ON b.lane_id = l.id
          WHERE l.queue = 'cpu' AND b.due_at <= clock_timestamp()
            AND %(most)s >= (SELECT count(*) FROM (SELECT FROM backlog LIMIT %(most)s + 1) AS counted)
         ) AS line
"""
"""Ranks in order, lanes of a rank in turn, the oldest first in each; in a very long line nobody has a place."""

NOTHING: dict[str, Any] = {"activity": None, "place": None, "since": None}


class Activities:
    """What the processors' queue holds of some studies, read once."""

    def __init__(self, connection: psycopg.Connection[Any], study_uids: Sequence[str]) -> None:
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        waiting = connection.execute(_WAITING, (list(study_uids),)).fetchall()
        for study_uid, stage, since in waiting:
            self._keep(study_uid, stage, "waiting", since)
        if waiting:
            for study_uid, stage, place in connection.execute(_LINE, {"most": _MOST_IN_LINE}):
                if (study_uid, stage) in self._found:
                    self._found[study_uid, stage]["place"] = place
        for study_uid, task, runs, since in connection.execute(_RUNNING):
            stage = task.removeprefix("trabecula.")
            self._keep(study_uid, stage, "running" if runs else "waiting", since, None if runs else 1)

    def _keep(
        self, study_uid: str, stage: str, activity: str, since: datetime | None, place: int | None = None
    ) -> None:
        moment = since.isoformat() if since is not None else None
        self._found[study_uid, stage] = {"activity": activity, "place": place, "since": moment}

    def of(self, study_uid: StudyUid, state: str) -> dict[str, Any]:
        """Return ``activity`` (waiting, running or None), ``place`` in line (from 1) and ``since`` when, for a study.

        A study whose job tries again later waits without a place and without ``since``.
        """
        stage = _STAGES.get(StudyState(state))
        return dict(self._found.get((study_uid, str(stage)), NOTHING)) if stage else dict(NOTHING)
