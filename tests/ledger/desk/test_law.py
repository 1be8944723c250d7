"""The law of the desk: no request reads more than 5,000 rows, returned and removed, over all nodes of its plans."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from bench.desk.seed import seed
from sqlalchemy import text

from tests.databases import embedded_url, empty
from tests.ledger.desk.rows_read import CountingCursor
from tests.pipeline.world import make_world
from trabecula.domain.desk.bulk import BulkKind
from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.desk.actions import bulk_action
from trabecula.ledger.desk.overview import overview
from trabecula.ledger.desk.search import ROWS_AT_MOST, StudyPage, batches, count, search
from trabecula.ledger.desk.terms import names
from trabecula.ledger.store import UnitOfWork
from trabecula.pipeline import begin_bulk, bulk_step

STUDIES = 20_000
NOW = datetime.now(UTC)
Answer = TypeVar("Answer")

FILTERS: dict[str, StudySearch] = {
    "nothing": StudySearch(),
    "uid prefix of all": StudySearch(text="1.2."),
    "patient prefix of many": StudySearch(text="pid0000"),
    "patient prefix of few": StudySearch(text="PID000031"),
    "nobody": StudySearch(text="nobody"),
    "accession": StudySearch(text="acc20000077"),
    "whole patient": StudySearch(patient_id="PID00000031"),
    "dates": StudySearch(received_from=NOW - timedelta(days=400), received_to=NOW - timedelta(days=30)),
    "failed": StudySearch(state=StudyState.FAILED),
    "done": StudySearch(state=StudyState.DONE),
    "no flag": StudySearch(category=Category.NO_FLAG),
    "scanner of many names": StudySearch(scanner="st"),
    "scanner": StudySearch(scanner="somatom"),
    "no scanner": StudySearch(scanner="nowhere"),
    "rare model": StudySearch(model="rare-model"),
    "model": StudySearch(model="demo-mr"),
    "rare reason": StudySearch(reason="PATIENT_CONFLICT"),
    "reason": StudySearch(reason="kvp_adjusted"),
    "site": StudySearch(site="SITE07"),
    "rare tag": StudySearch(tag="follow-up"),
    "undelivered": StudySearch(undelivered="PACS"),
    "some sites": StudySearch(sites=frozenset({"SITE50", "SITE49", "SITE48"})),
    "most sites": StudySearch(sites=frozenset(f"SITE{number:02}" for number in range(1, 46))),
}
NEVER = (
    StudySearch(state=StudyState.RECEIVING, category=Category.NO_FLAG),
    StudySearch(category=Category.NOT_EVALUABLE, reason="SEG_WARNING", model="demo-ct", scanner="achieva"),
    StudySearch(category=Category.NO_FLAG, reason="METAL"),
    StudySearch(text="1.2.", category=Category.NO_FLAG, reason="NO_LUMBAR", site="SITE03"),
    StudySearch(scanner="siemens", model="demo-ct", text="pid", reason="NO_LUMBAR", state=StudyState.DONE),
)
"""Pairs of words that are common alone and never, or hardly ever, together."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A ledger with three years of fifty sites in small."""
    made = embedded_url()
    empty(made)
    seed(made, STUDIES)
    yield made
    empty(made)


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(conninfo_of(url), autocommit=True, cursor_factory=CountingCursor) as opened:
        yield opened


def within_the_law(ask: Callable[[], Answer]) -> Answer:
    CountingCursor.rows_read = CountingCursor.statements = 0
    answer = ask()
    assert CountingCursor.statements > 0 or answer is None
    assert CountingCursor.rows_read <= ROWS_AT_MOST, CountingCursor.rows_read
    return answer


@pytest.mark.parametrize("name", FILTERS)
def test_no_filter_reads_more_and_each_finds_what_the_ledger_has(
    connection: psycopg.Connection[Any], name: str
) -> None:
    page = within_the_law(lambda: search(connection, FILTERS[name]))
    assert not page.complete or page.next is None or len(page.rows) == 50
    moments = [(row.first_image_at, row.study_uid) for row in page.rows]
    assert moments == sorted(moments, reverse=True)
    assert moments == _truth(connection, FILTERS[name])[: len(moments)]
    behind = Cursor(NOW - timedelta(days=500), StudyUid("2"))
    within_the_law(lambda: search(connection, FILTERS[name], after=behind))
    within_the_law(lambda: count(connection, FILTERS[name]))


def test_no_pair_of_filters_reads_more(connection: psycopg.Connection[Any]) -> None:
    worst = 0
    for one, other in itertools.combinations(FILTERS.values(), 2):
        wanted = replace(one, **_given(other))
        within_the_law(lambda wanted=wanted: search(connection, wanted))
        worst = max(worst, CountingCursor.rows_read)
    assert worst > ROWS_AT_MOST // 4  # the bound is used, not avoided


@pytest.mark.parametrize("wanted", NEVER)
def test_what_is_never_found_stops_says_how_far_and_goes_on_to_the_end(
    connection: psycopg.Connection[Any], wanted: StudySearch
) -> None:
    pages: list[StudyPage] = []
    after: Cursor | None = None
    while True:
        page = within_the_law(lambda after=after: search(connection, wanted, after=after))
        pages.append(page)
        if page.next is None:
            break
        assert page.complete == (page.searched_back_to is None)
        if not page.complete:
            assert page.searched_back_to == page.next.first_image_at
        assert after is None or page.next.first_image_at <= after.first_image_at
        after = page.next
    found = [(row.first_image_at, row.study_uid) for page in pages for row in page.rows]
    assert found == _truth(connection, wanted)


def test_batches_hold_the_law_each_and_give_every_study_once(connection: psycopg.Connection[Any]) -> None:
    wanted = StudySearch(category=Category.LOW_BONE_DENSITY_SUSPECTED, received_from=NOW - timedelta(days=500))
    found = []
    walk = batches(connection, wanted, 300)
    while (batch := within_the_law(lambda: next(walk, None))) is not None:
        found += [(item.first_image_at, item.study_uid) for item in batch]
    assert found == _truth(connection, wanted)


@pytest.mark.parametrize("sites", [None, frozenset({"SITE01", "SITE20"}), frozenset()])
def test_the_overview_reads_no_more_and_counts_what_the_ledger_has(
    connection: psycopg.Connection[Any], sites: frozenset[str] | None
) -> None:
    shown = within_the_law(lambda: overview(connection, sites, NOW))
    seen = None if sites is None else sorted(sites)
    with psycopg.connect(connection.info.dsn) as plain:
        states = dict(plain.execute(_TODAY, {"now": NOW, "sites": seen}).fetchall())
        finished = plain.execute(_FINISHED, {"now": NOW, "sites": seen}).fetchone()
    assert {str(state): item.count for state, item in shown.today.items() if item.count} == states
    month = shown.windows[-1]
    assert (month.finished, month.suspected, month.not_evaluable) == (finished or ())[:3]
    exact = (finished or ())[3]
    if exact is None:
        assert month.turnaround_p50_s is None
        assert month.flagged_per_100 is None
    else:
        assert month.turnaround_p50_s == pytest.approx(exact, rel=0.15)
        assert month.turnaround_p95_s is not None
        assert month.turnaround_p95_s > month.turnaround_p50_s
    undelivered = {item.name: (item.pending.count, item.undelivered.count) for item in shown.destinations}
    assert set(undelivered) == {"PACS", "ARCHIVE"}
    if sites is None:
        assert undelivered["PACS"][0] > 50
        assert undelivered["PACS"][1] > 50
        assert shown.last_image_at is not None


def test_names_of_a_filter_are_read_by_skipping(connection: psycopg.Connection[Any]) -> None:
    assert within_the_law(lambda: names(connection, "model"))[:2] == ("demo-ct", "demo-mr")
    assert len(within_the_law(lambda: names(connection, "site"))) == 50
    assert "aquilion one" in within_the_law(lambda: names(connection, "scanner"))


@pytest.mark.parametrize(
    ("kind", "argument", "state"),
    [
        (BulkKind.TAG, "seen", StudyState.DONE),
        (BulkKind.REPROCESS, "", StudyState.DONE),
        (BulkKind.CANCEL, "", StudyState.ANALYSING),
        (BulkKind.RETRY, "", StudyState.FAILED),
    ],
)
def test_a_batch_of_a_bulk_action_reads_no_more_with_all_that_follows(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: BulkKind, argument: str, state: StudyState
) -> None:
    """As PostgreSQL counts the rows of tables that a transaction fetched, those of its triggers among them."""
    read: list[int] = []
    commit = UnitOfWork.commit

    def counted(self: UnitOfWork) -> None:
        self._trails.write(self._session)
        self._session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        read.append(self._session.execute(text(_FETCHED)).scalar_one())
        commit(self)

    world = make_world(f"{url}&options=-c%20enable_seqscan%3Doff", tmp_path)  # tables this small are read whole
    number = begin_bulk(world.services, kind, argument, StudySearch(state=state), who="anna")
    monkeypatch.setattr(UnitOfWork, "commit", counted)
    assert bulk_step(world.services, number, lambda: False)
    world.engine.dispose()
    with psycopg.connect(url) as connection:
        done = bulk_action(connection, number).done
    assert done in (10, 50)
    assert done < read[0] <= ROWS_AT_MOST, (done, read)


_FETCHED = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables"
_TODAY = """
    SELECT state, count(*) FROM studies
    WHERE first_image_at::date = %(now)s::date AND (%(sites)s::text[] IS NULL OR calling_ae_title = ANY(%(sites)s))
    GROUP BY state
"""
_FINISHED = """
    SELECT count(*), count(*) FILTER (WHERE s.category = 'LOW_BONE_DENSITY_SUSPECTED'),
           count(*) FILTER (WHERE s.category = 'NOT_EVALUABLE'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM done_at - last_image_at)::float)
    FROM studies s JOIN revisions USING (study_uid, revision)
    WHERE reported_at::date > %(now)s::date - 30 AND reported_at::date <= %(now)s::date
      AND (%(sites)s::text[] IS NULL OR s.calling_ae_title = ANY(%(sites)s))
"""


def _given(wanted: StudySearch) -> dict[str, Any]:
    return {
        item.name: getattr(wanted, item.name) for item in fields(wanted) if getattr(wanted, item.name) != item.default
    }


_TRUE_IF = {
    "text": "(starts_with(lower(s.patient_id), lower(%(text)s)) OR starts_with(lower(s.accession_number), "
    "lower(%(text)s)) OR starts_with(s.study_uid, %(text)s))",
    "patient_id": "s.patient_id = %(patient_id)s",
    "accession_number": "s.accession_number = %(accession_number)s",
    "received_from": "s.first_image_at >= %(received_from)s",
    "received_to": "s.first_image_at < %(received_to)s",
    "state": "s.state = %(state)s",
    "category": "s.category = %(category)s",
    "scanner": "(strpos(lower(s.manufacturer), %(scanner)s) > 0 OR strpos(lower(s.scanner_model), %(scanner)s) > 0 "
    "OR strpos(lower(s.station), %(scanner)s) > 0)",
    "model": "EXISTS (SELECT FROM scores c WHERE c.study_uid = s.study_uid AND c.model_id = %(model)s)",
    "reason": "(s.failure_code = upper(%(reason)s) OR EXISTS (SELECT FROM reasons r WHERE r.study_uid = s.study_uid "
    "AND r.code = upper(%(reason)s)))",
    "site": "s.calling_ae_title = %(site)s",
    "tag": "EXISTS (SELECT FROM study_tags t WHERE t.study_uid = s.study_uid AND t.tag = %(tag)s)",
    "undelivered": "EXISTS (SELECT FROM object_deliveries d WHERE d.study_uid = s.study_uid AND d.destination = "
    "%(undelivered)s AND d.state IN ('FAILED', 'REFUSED'))",
    "sites": "s.calling_ae_title = ANY(%(sites)s)",
}


def _truth(connection: psycopg.Connection[Any], wanted: StudySearch) -> list[tuple[datetime, str]]:
    """What the ledger's own tables have, all of it, in order."""
    given = _given(wanted)
    where = " AND ".join(["true", *(_TRUE_IF[name] for name in given)])
    values = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in given.items()}
    query = f"""SELECT s.first_image_at, s.study_uid FROM studies s WHERE {where}
                ORDER BY s.first_image_at DESC, s.study_uid COLLATE "C" DESC"""
    with psycopg.connect(connection.info.dsn) as plain:
        return plain.execute(query, values).fetchall()  # type: ignore[arg-type]
