"""The desk's first page: what came today, what waits and runs, how destinations stand, and the figures of 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from trabecula.domain.study.study import StudyState
from trabecula.ledger.desk.matching import desk_planning
from trabecula.ledger.desk.turnaround import BUCKETS, turnaround_at

WINDOWS = (1, 7, 30)
"""Days of the figures: today, and the last 7 and 30 with today."""
MOST_COUNTED = 400
"""Counts of what is listed row by row end here: "more than 400"."""
_MOST_DESTINATIONS = 12
_MOST_SITES = 100
_STALLED_S = 45.0
"""A worker silent for longer counts as dead (queue.md)."""

_SUMS = ", ".join(f"sum(turnarounds[{bucket}])" for bucket in range(1, BUCKETS + 1))
_DAYS = f"""
    SELECT (%(now)s::timestamptz)::date - day AS age,
           sum(analysing), sum(reporting), sum(delivering), sum(done), sum(failed), sum(cancelled),
           sum(suspected), sum(indeterminate), sum(no_flag), sum(not_evaluable), {_SUMS}
    FROM desk_days
    WHERE day > (%(now)s::timestamptz)::date - 30 AND day <= (%(now)s::timestamptz)::date
      AND (%(sites)s::text[] IS NULL OR site = ANY(%(sites)s))
    GROUP BY day
"""  # noqa: S608 - put together of literals
_RECEIVING = """
    SELECT count(*) FROM (
        SELECT FROM desk_marks
        WHERE term = 'state:RECEIVING' AND first_image_at >= date_trunc('day', %(now)s::timestamptz)
          AND (%(sites)s::text[] IS NULL OR site = ANY(%(sites)s)) LIMIT %(most)s + 1) AS counted
"""
_LANES = """
    SELECT id FROM backlog_lanes
    WHERE queue IN ('cpu', 'io') AND (%(sites)s::text[] IS NULL OR (NOT is_destination AND name = ANY(%(sites)s)))
    LIMIT 500
"""
_WAITING = """
    SELECT count(*) FROM (
        SELECT FROM unnest(%(lanes)s::bigint[]) lane(id),
        LATERAL (SELECT FROM backlog b WHERE b.lane_id = lane.id AND b.due_at <= clock_timestamp()
                 LIMIT %(most)s + 1) due LIMIT %(most)s + 1) AS counted
"""
_OLDEST = """
    SELECT min(oldest) FROM unnest(%(lanes)s::bigint[]) lane(id),
    LATERAL (SELECT b.due_at AS oldest FROM backlog b WHERE b.lane_id = lane.id AND b.due_at <= clock_timestamp()
             ORDER BY b.due_at LIMIT 1) first
"""
_RUNNING = """
    SELECT count(*) FILTER (WHERE w.last_heartbeat > now() - make_interval(secs => %(stalled_s)s)),
           count(*) FILTER (WHERE w.last_heartbeat IS NULL
                               OR w.last_heartbeat <= now() - make_interval(secs => %(stalled_s)s)),
           extract(epoch FROM now() - min(w.last_heartbeat))::float
    FROM (SELECT worker_id, args ->> 'study_uid' AS study_uid FROM procrastinate_jobs
          WHERE status = 'doing' AND args ->> 'study_uid' IS NOT NULL LIMIT 500) j
    LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
    WHERE %(sites)s::text[] IS NULL
       OR (SELECT d.site FROM desk_studies d WHERE d.study_uid = j.study_uid) = ANY(%(sites)s)
"""
_LAST_IMAGE = """
    SELECT max(last) FROM unnest(%(sites)s::text[]) s(name),
    LATERAL (SELECT last_image_at AS last FROM studies WHERE calling_ae_title = s.name
             ORDER BY last_image_at DESC LIMIT 1) newest
"""
_LAST_IMAGE_OF_ALL = "SELECT last_image_at FROM studies ORDER BY last_image_at DESC LIMIT 1"
_DESTINATIONS = """
    WITH RECURSIVE found AS (
        (SELECT destination AS name FROM object_deliveries ORDER BY destination LIMIT 1)
        UNION ALL
        SELECT (SELECT destination FROM object_deliveries WHERE destination > found.name ORDER BY destination LIMIT 1)
        FROM found WHERE found.name IS NOT NULL)
    SELECT name FROM found WHERE name IS NOT NULL LIMIT %(most)s
"""
_STATE_OF = """
    SELECT (SELECT changed_at FROM object_deliveries WHERE destination = %(name)s AND state = 'CONFIRMED'
            ORDER BY changed_at DESC LIMIT 1),
           (SELECT changed_at FROM object_deliveries WHERE destination = %(name)s AND state = 'SENT'
            ORDER BY changed_at DESC LIMIT 1),
           EXISTS (SELECT FROM pauses WHERE destination = %(name)s)
"""
_MARKED = """
    SELECT count(*), min(first_image_at) FROM (
        SELECT first_image_at FROM desk_marks
        WHERE term = %(term)s AND (%(sites)s::text[] IS NULL OR site = ANY(%(sites)s))
        ORDER BY first_image_at, study_uid LIMIT %(most)s + 1) AS counted
"""


@dataclass(frozen=True)
class Capped:
    """A count that ends somewhere: ``more`` says that there are more than ``count``."""

    count: int
    more: bool = False


@dataclass(frozen=True, kw_only=True)
class DestinationStanding:
    """How deliveries to a destination stand, in studies whose newest report it should have.

    ``pending`` wait or are being tried, ``undelivered`` were refused or given up. ``oldest_undelivered_at`` is when the
    first image of the oldest of both came; ``last_confirmed_at`` when it last confirmed an object (storage commitment),
    ``last_sent_at`` when it last took one without confirming it (yet).
    """

    name: str
    pending: Capped
    undelivered: Capped
    oldest_undelivered_at: datetime | None
    last_confirmed_at: datetime | None
    last_sent_at: datetime | None
    paused: bool


@dataclass(frozen=True, kw_only=True)
class WindowFigures:
    """Studies first reported within the last ``days`` days (1: today), by the answer that is shown now.

    Turnaround in seconds, from the last image to everything delivered, within 15 %, of those that are; None where
    there is none.
    """

    days: int
    finished: int
    suspected: int
    indeterminate: int
    no_flag: int
    not_evaluable: int
    turnaround_p50_s: float | None
    turnaround_p95_s: float | None

    @property
    def flagged_per_100(self) -> float | None:
        """Suspected of low bone density per 100 finished studies, None without any."""
        return 100.0 * self.suspected / self.finished if self.finished else None

    @property
    def not_evaluable_per_100(self) -> float | None:
        """Not evaluable per 100 finished studies, None without any."""
        return 100.0 * self.not_evaluable / self.finished if self.finished else None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The desk's first page in figures, of the sites a person may see.

    ``today`` counts studies whose first image came today by the state they are in now (RECEIVING ends at MOST_COUNTED).
    ``waiting`` jobs are due and nobody has taken them; ``running`` ones have a worker that lives, ``stalled`` ones a
    worker that was last heard ``oldest_heartbeat_s`` ago or not at all. Somebody who sees only some sites sees what
    waits for a processor there; what waits for destinations is counted with these.
    """

    now: datetime
    today: Mapping[StudyState, Capped]
    waiting: Capped
    oldest_waiting_at: datetime | None
    running: int
    stalled: int
    oldest_heartbeat_s: float | None
    last_image_at: datetime | None
    destinations: tuple[DestinationStanding, ...]
    windows: tuple[WindowFigures, ...]


def overview(connection: psycopg.Connection[Any], sites: frozenset[str] | None, now: datetime) -> Overview:
    """Return the figures at ``now``, of these sites (None: all). Raises psycopg.Error."""
    seen = None if sites is None else sorted(sites)[:_MOST_SITES]
    values = {"sites": seen, "now": now, "most": MOST_COUNTED, "stalled_s": _STALLED_S}
    with desk_planning(connection):
        days = {age: [int(count) for count in counts] for age, *counts in connection.execute(_DAYS, values)}
        lanes = {"lanes": [lane for (lane,) in connection.execute(_LANES, values)], "most": MOST_COUNTED}
        running, stalled, silent_s = _one(connection, _RUNNING, values)
        last_image = connection.execute(_LAST_IMAGE_OF_ALL if seen is None else _LAST_IMAGE, values).fetchone()
        return Overview(
            now=now,
            today=_today(days.get(0), _one(connection, _RECEIVING, values)[0]),
            waiting=_capped(_one(connection, _WAITING, lanes)[0]),
            oldest_waiting_at=_one(connection, _OLDEST, lanes)[0],
            running=running,
            stalled=stalled,
            oldest_heartbeat_s=silent_s,
            last_image_at=last_image[0] if last_image else None,
            destinations=_destinations(connection, seen),
            windows=tuple(_window(days, window) for window in WINDOWS),
        )


def _one(connection: psycopg.Connection[Any], query: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    assert row is not None, "an aggregate is one row"
    return tuple(row)


def _capped(count: int) -> Capped:
    return Capped(min(count, MOST_COUNTED), more=count > MOST_COUNTED)


_COUNTED_STATES = (
    StudyState.ANALYSING, StudyState.REPORTING, StudyState.DELIVERING, StudyState.DONE, StudyState.FAILED,
    StudyState.CANCELLED,
)  # fmt: skip
_COUNTS = len(_COUNTED_STATES)


def _today(counts: Sequence[int] | None, receiving: int) -> dict[StudyState, Capped]:
    known = zip(_COUNTED_STATES, counts or [0] * _COUNTS, strict=False)
    return {StudyState.RECEIVING: _capped(receiving)} | {state: Capped(count) for state, count in known}


def _window(days: Mapping[int, Sequence[int]], window: int) -> WindowFigures:
    inside = [counts for age, counts in days.items() if age < window]
    sums = [sum(counts[place] for counts in inside) for place in range(_COUNTS, _COUNTS + 4 + BUCKETS)]
    histogram = dict(enumerate(sums[4:], start=1))
    return WindowFigures(
        days=window,
        finished=sum(sums[:4]),
        suspected=sums[0],
        indeterminate=sums[1],
        no_flag=sums[2],
        not_evaluable=sums[3],
        turnaround_p50_s=turnaround_at(histogram, 0.50),
        turnaround_p95_s=turnaround_at(histogram, 0.95),
    )


def _destinations(connection: psycopg.Connection[Any], sites: Sequence[str] | None) -> tuple[DestinationStanding, ...]:
    names = [name for (name,) in connection.execute(_DESTINATIONS, {"most": _MOST_DESTINATIONS})]
    most = MOST_COUNTED // max(1, len(names))
    found = []
    for name in names:
        confirmed, sent, paused = _one(connection, _STATE_OF, {"name": name})
        marked = [
            _one(connection, _MARKED, {"term": f"{kind}:{name}", "sites": sites, "most": most})
            for kind in ("pending", "undelivered")
        ]
        pending, undelivered = (Capped(min(count, most), more=count > most) for count, _ in marked)
        found.append(
            DestinationStanding(
                name=name,
                pending=pending,
                undelivered=undelivered,
                oldest_undelivered_at=min((oldest for _, oldest in marked if oldest is not None), default=None),
                last_confirmed_at=confirmed,
                last_sent_at=sent,
                paused=paused,
            )
        )
    return tuple(found)
