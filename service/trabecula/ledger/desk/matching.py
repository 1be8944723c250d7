"""Which studies a search finds, page by page, the newest first; it never reads more rows than it may.

Studies are walked along the rarest of the wanted marks, and each is looked up under the others. Where that finds too
few, it stops and says how far it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.uids import StudyUid
from trabecula.ledger.desk.identifiers import identified, text_probe
from trabecula.ledger.desk.terms import ALL, Condition, conditions, visible_sites

ROWS_AT_MOST = 5_000
"""The law of the desk (issue: the desk at size): so many rows one request may read, over all nodes of its plans."""
_MOST_RANGES = 24
"""So many ranges of the index are merged; more sites or scanners than that are looked up study by study."""
_SAMPLE = 40
"""How far each mark is looked along to see which is the rarest."""
_LEAST_STEP = 25
_OWN_ROWS = 100
"""Room for the setting of the planner, and for the end of a range."""

_PLAN = ("bitmapscan", "seqscan", "sort", "hashjoin", "mergejoin", "hashagg", "material", "memoize")
"""Ways of the planner that read everything before they give the first row."""


@dataclass(frozen=True)
class Matches:
    """Studies that were found, each as the cursor behind it. ``next`` is where to go on, None at the end.

    Where it stopped because it may read no more, ``complete`` is False and ``searched_back_to`` says how far it came.
    """

    found: tuple[Cursor, ...]
    next: Cursor | None
    complete: bool = True
    searched_back_to: datetime | None = None
    rows_read: int = 0


@dataclass(frozen=True)
class _Walk:
    """The marks that are walked along, and what is looked up for each study on the way."""

    terms: tuple[str, ...]
    sites: Sequence[str] | None
    lookups: tuple[sql.Composable, ...]
    values: Mapping[str, Any]
    bounds: sql.Composable

    @property
    def ranges(self) -> int:
        """How many ranges of the index are merged."""
        return len(self.terms) * (1 if self.sites is None else len(self.sites))

    @property
    def rows_each(self) -> int:
        """How many rows one study costs at worst, over all nodes of the plan."""
        merged = 2 if self.ranges == 1 else 5
        return merged + 2 * len(self.lookups)


_SET = "SELECT set_config(name, %s, true) FROM unnest(%s::text[]) name"
_SET_EACH = "SELECT set_config(name, value, true) FROM unnest(%s::text[], %s::text[]) AS t (name, value)"
_AS_BEFORE = "SELECT array_agg(current_setting(name)) FROM unnest(%s::text[]) name"
_NAMES = ["jit", *(f"enable_{way}" for way in _PLAN)]


@contextmanager
def desk_planning(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """One short transaction in which the planner reads along indexes only as far as it must.

    Inside a transaction of the caller's, the planner is as before afterwards.
    """
    nested = connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
    with connection.transaction():
        before = connection.execute(_AS_BEFORE, (_NAMES,)).fetchone() if nested else None
        connection.execute(_SET, ("off", _NAMES))
        yield
        if before is not None:
            connection.execute(_SET_EACH, (_NAMES, before[0]))


def matches(
    connection: psycopg.Connection[Any],
    wanted: StudySearch,
    *,
    after: Cursor | None,
    limit: int,
    rows_at_most: int = ROWS_AT_MOST,
) -> Matches:
    """Return at most ``limit`` studies behind ``after``. Raises psycopg.Error."""
    with desk_planning(connection):
        needed, rows = conditions(connection, wanted)
        sites = visible_sites(wanted)
        if (sites is not None and not sites) or any(not item.terms for item in needed):
            return Matches((), None, rows_read=rows)
        if wanted.text or wanted.patient_id or wanted.accession_number:
            few = identified(connection, wanted)
            rows += few.rows_read
            if few.found is not None:
                return _of_few(few.found, needed, sites, after=after, limit=limit, wanted=wanted, rows=rows)
        walk, read = _rarest(connection, wanted, needed, sites, after)
        return _walked(connection, walk, after, limit, rows_at_most - _OWN_ROWS - rows - read, rows + read)


def _of_few(
    found: Sequence[tuple[datetime, str, str, Sequence[str]]],
    needed: Sequence[Condition],
    sites: Sequence[str] | None,
    *,
    after: Cursor | None,
    limit: int,
    wanted: StudySearch,
    rows: int,
) -> Matches:
    """Choose from the studies that an identifier names, which are all at hand."""
    kept = sorted(
        (moment, uid)
        for moment, uid, site, terms in found
        if (sites is None or site in sites)
        and all(set(item.terms) & set(terms) for item in needed)
        and (after is None or (moment, uid) < (after.first_image_at, after.study_uid))
        and (wanted.received_from is None or moment >= wanted.received_from)
        and (wanted.received_to is None or moment < wanted.received_to)
    )
    kept.reverse()
    page = tuple(Cursor(moment, StudyUid(uid)) for moment, uid in kept[:limit])
    return Matches(page, page[-1] if len(kept) > limit else None, rows_read=rows)


def _rarest(
    connection: psycopg.Connection[Any],
    wanted: StudySearch,
    needed: Sequence[Condition],
    sites: Sequence[str] | None,
    after: Cursor | None,
) -> tuple[_Walk, int]:
    """Return the walk along the mark of which the next studies reach furthest back, and how many rows were read."""
    of_sites = sites if sites is not None and len(sites) <= _MOST_RANGES else None
    candidates = [item for item in needed if len(item.terms) * len(of_sites or [1]) <= _MOST_RANGES]
    walks = [_walk(wanted, item.terms, needed, sites, of_sites, item) for item in candidates]
    if not walks:
        return _walk(wanted, (ALL,), needed, sites, of_sites, None), 0
    if len(walks) == 1:
        return walks[0], 0
    rows, best, reach = 0, walks[0], None
    for walk in walks:
        values = {**walk.values, **_place(after), "n": _SAMPLE}
        seen = connection.execute(_query(walk, after, lookups=False), values).fetchall()
        rows += 5 * _SAMPLE if walk.ranges > 1 else 2 * _SAMPLE
        if len(seen) < _SAMPLE:
            return walk, rows
        if reach is None or seen[-1][0] < reach:
            best, reach = walk, seen[-1][0]
    return best, rows


def _walk(
    wanted: StudySearch,
    terms: tuple[str, ...],
    needed: Sequence[Condition],
    sites: Sequence[str] | None,
    of_sites: Sequence[str] | None,
    driver: Condition | None,
) -> _Walk:
    values: dict[str, Any] = {"received_from": wanted.received_from, "received_to": wanted.received_to}
    lookups: list[sql.Composable] = []
    for number, item in enumerate(other for other in needed if other is not driver):
        values[f"lookup{number}"] = list(item.terms)
        lookups.append(_LOOKUP.format(terms=sql.Placeholder(f"lookup{number}")))
    if sites is not None and of_sites is None:
        values["every_site"] = list(sites)
        lookups.append(sql.SQL("c.site = ANY(%(every_site)s)"))
    if wanted.text or wanted.patient_id or wanted.accession_number:
        probe, more = text_probe(wanted)
        lookups.append(probe)
        values |= more
    bounds = [sql.SQL("")]
    if wanted.received_from is not None:
        bounds.append(sql.SQL("AND first_image_at >= %(received_from)s"))
    if wanted.received_to is not None:
        bounds.append(sql.SQL("AND first_image_at < %(received_to)s"))
    return _Walk(terms, of_sites, tuple(lookups), values, sql.SQL(" ").join(bounds))


_LOOKUP = sql.SQL(
    "(SELECT true FROM desk_marks m WHERE m.term = ANY({terms}) AND m.first_image_at = c.first_image_at "
    "AND m.study_uid = c.study_uid LIMIT 1)"
)
_RANGE = sql.SQL(
    "SELECT first_image_at, study_uid, site FROM desk_marks WHERE term = {term} {site} {bounds} {behind} {order}"
)
_ORDER = sql.SQL("ORDER BY first_image_at DESC, study_uid DESC")
_WALK = sql.SQL(
    "SELECT c.first_image_at, c.study_uid, {found} FROM ({ranges}) c "
    "ORDER BY c.first_image_at DESC, c.study_uid DESC LIMIT %(n)s"
)


def _query(walk: _Walk, after: Cursor | None, *, lookups: bool = True) -> sql.Composed:
    """Return the query of the next ``n`` studies of the walk, each with whether everything else holds for it."""
    ranges = [
        _RANGE.format(
            order=_ORDER if walk.ranges > 1 else sql.SQL(""),
            term=sql.Literal(term),
            site=sql.SQL("") if site is None else sql.SQL("AND site = {}").format(sql.Literal(site)),
            bounds=walk.bounds,
            behind=sql.SQL("AND (first_image_at, study_uid) < (%(at)s, %(uid)s)" if after is not None else ""),
        )
        for term in walk.terms
        for site in (walk.sites if walk.sites is not None else (None,))
    ]
    parts = ranges if len(ranges) == 1 else [sql.SQL("({})").format(part) for part in ranges]
    holds = [sql.SQL("coalesce({}, false)").format(item) for item in walk.lookups] if lookups else []
    return _WALK.format(
        found=sql.SQL(" AND ").join(holds) if holds else sql.SQL("true"), ranges=sql.SQL(" UNION ALL ").join(parts)
    )


def _place(after: Cursor | None) -> dict[str, Any]:
    return {} if after is None else {"at": after.first_image_at, "uid": after.study_uid}


def _walked(
    connection: psycopg.Connection[Any], walk: _Walk, after: Cursor | None, limit: int, budget: int, rows: int
) -> Matches:
    """Walk in growing steps until the page is full, the end is reached or the next step may read too much."""
    found: list[Cursor] = []
    place, step = after, limit + 1
    while True:
        step = min(step, (budget - 2 * walk.ranges) // walk.rows_each)
        if step < _LEAST_STEP and (found or place is not after):
            back_to = place.first_image_at if place is not None else None
            return Matches(tuple(found), place, complete=False, searched_back_to=back_to, rows_read=rows)
        step = max(step, _LEAST_STEP)
        seen = connection.execute(_query(walk, place), {**walk.values, **_place(place), "n": step}).fetchall()
        used = len(seen) * walk.rows_each + 2 * walk.ranges
        budget, rows = budget - used, rows + used
        for moment, uid, holds in seen:
            here = Cursor(moment, StudyUid(uid))
            if holds and here not in found[-1:]:  # a study may have two of the terms that are merged
                if len(found) == limit:
                    return Matches(tuple(found), found[-1], rows_read=rows)
                found.append(here)
            place = here
        if len(seen) < step:
            return Matches(tuple(found), None, rows_read=rows)
        step *= 4
