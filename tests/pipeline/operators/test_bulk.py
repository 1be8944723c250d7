"""Acting on a filter: every study once, batches whole or not at all, across kills, with what was refused kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.world import World, make_world
from trabecula.domain.delivery import Destination
from trabecula.domain.desk.bulk import BulkAction, BulkKind, BulkState
from trabecula.domain.desk.search import StudySearch
from trabecula.domain.errors import DestinationUnknown, StudyUnknown
from trabecula.domain.errors_of.bulk import BulkRefused, BulkUnknown, TagRefused
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.desk.actions import bulk_action, bulk_actions, refusals
from trabecula.pipeline import begin_bulk, bulk_step, register_instance, stop_bulk, work_on_bulk
from trabecula.pipeline.operators import bulk
from trabecula.pipeline.services import Services

__all__ = ["database_url", "embedded_database_url"]

STUDIES = [f"1.2.826.9.{number}" for number in range(50)]
RECEIVING = StudySearch(state=StudyState.RECEIVING)


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    """Fifty studies that are being received."""
    pacs = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104)
    made = make_world(embedded_database_url, tmp_path, (pacs,))
    for study in STUDIES:
        register_instance(made.services.open_ledger, made.instance(1, study_uid=study), 60.0)
    yield made
    made.engine.dispose()


def begin(
    world: World, kind: BulkKind, argument: str = "", wanted: StudySearch = RECEIVING, most: int | None = None
) -> int:
    return begin_bulk(world.services, kind, argument, wanted, who="anna", most=most)


def states(world: World) -> dict[str, int]:
    return dict(world.rows("SELECT state, count(*) FROM studies GROUP BY state"))


def never() -> bool:
    return False


def test_every_study_has_its_turn_once_and_what_comes_later_has_none(world: World, embedded_database_url: str) -> None:
    number = begin(world, BulkKind.CANCEL)
    late = world.instance(1, study_uid="1.2.826.9.99")
    register_instance(world.services.open_ledger, late, 60.0)
    work_on_bulk(world.services, never, 60.0)
    assert states(world) == {"CANCELLED": 50, "RECEIVING": 1}
    with psycopg.connect(embedded_database_url) as connection:
        ended = bulk_action(connection, number)
        assert (ended.state, ended.done, ended.refused) == (BulkState.ENDED, 50, 0)
        assert [item.number for item in bulk_actions(connection)] == [number]
    who = world.rows("SELECT DISTINCT who FROM events WHERE what = 'CANCELLED'")
    assert who == [f"anna, bulk action {number}"]


def test_a_kill_in_a_batch_repeats_nothing_and_leaves_nothing_out(
    world: World, embedded_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after some studies of a batch were done and before that was recorded: the batch never was."""
    monkeypatch.setattr(bulk, "_MOST_AT_ONCE", 20)
    number, acted = begin(world, BulkKind.TAG, "Recall 7"), 0
    act = bulk._ACTS[BulkKind.TAG]

    def killed(*arguments: object) -> None:
        nonlocal acted
        acted += 1
        if acted == 28:
            raise KeyboardInterrupt
        act(*arguments)  # type: ignore[arg-type]

    monkeypatch.setitem(bulk._ACTS, BulkKind.TAG, killed)
    with pytest.raises(KeyboardInterrupt):
        work_on_bulk(world.services, never, 60.0)
    with psycopg.connect(embedded_database_url) as connection:
        assert (bulk_action(connection, number).done, acted) == (20, 28)
    assert tagged(world) == [20, 20, 20]
    work_on_bulk(world.services, never, 60.0)
    with psycopg.connect(embedded_database_url) as connection:
        ended = bulk_action(connection, number)
    assert (ended.state, ended.done, ended.refused) == (BulkState.ENDED, 50, 0)
    assert world.rows("SELECT study_uid FROM study_tags WHERE tag = 'recall 7' ORDER BY 1") == sorted(STUDIES)
    assert tagged(world) == [50, 50, 50]


def tagged(world: World) -> list[int]:
    """How many studies have a tag, say so in their trail, and in the audit log."""
    asked = ("study_tags", "events WHERE what = 'TAGGED'", "audit_entries WHERE detail = 'TAGGED'")
    return [world.rows(f"SELECT count(*) FROM {what}")[0] for what in asked]


def test_what_was_done_before_an_upgrade_is_not_done_again(world: World, embedded_database_url: str) -> None:
    """An earlier version kept each study at once and its place behind the batch: a kill may lie between them."""
    number = begin(world, BulkKind.TAG, "seen")
    who = f"anna, bulk action {number}"
    world.rows(f"INSERT INTO events (study_uid, what, detail, who) VALUES ('{STUDIES[3]}', 'TAGGED', 'seen', '{who}')")
    work_on_bulk(world.services, never, 60.0)
    with psycopg.connect(embedded_database_url) as connection:
        assert bulk_action(connection, number).done == 50
    assert world.rows(f"SELECT count(*) FROM events WHERE study_uid = '{STUDIES[3]}' AND what = 'TAGGED'") == [1]


def test_one_that_refuses_after_it_wrote_takes_back_its_own_alone(
    world: World, embedded_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = bulk._ACTS[BulkKind.TAG]

    def refusing(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
        with services.open_ledger() as ledger:
            ledger.tags.add(study_uid, "half done", action.who)
            if study_uid.endswith("7"):
                raise StudyUnknown(study_uid)
        act(services, study_uid, action)

    monkeypatch.setitem(bulk._ACTS, BulkKind.TAG, refusing)
    number = begin(world, BulkKind.TAG, "seen")
    work_on_bulk(world.services, never, 60.0)
    with psycopg.connect(embedded_database_url) as connection:
        ended = bulk_action(connection, number)
    assert (ended.done, ended.refused) == (45, 5)
    assert tagged(world) == [45, 45, 45]
    named = world.rows("SELECT DISTINCT who FROM audit_entries WHERE detail = 'TAGGED'")
    assert named == ["anna"]
    whole = "cardinality(studies) = 1 AND studies[1] IN (SELECT pseudonym FROM audit_pseudonyms)"
    assert world.rows(f"SELECT count(DISTINCT studies) FROM audit_entries WHERE {whole}") == [45]


def test_what_is_refused_is_kept_and_stops_nobody(world: World, embedded_database_url: str) -> None:
    world.rows("UPDATE studies SET state = 'CANCELLED' WHERE study_uid LIKE '%7'")
    number = begin(world, BulkKind.CANCEL, wanted=StudySearch())
    work_on_bulk(world.services, never, 60.0)
    with psycopg.connect(embedded_database_url) as connection:
        ended = bulk_action(connection, number)
        kept = refusals(connection, number)
    assert (ended.done, ended.refused, states(world)) == (45, 5, {"CANCELLED": 50})
    assert {item.code for item in kept} == {"TRANSITION_REFUSED"}
    assert [item.study_uid for item in kept] == sorted(uid for uid in STUDIES if uid.endswith("7"))
    assert not bulk_step(world.services, number, never)


def test_it_takes_the_newest_so_many_stops_when_told_and_is_done_by_one_at_a_time(
    world: World, embedded_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = begin(world, BulkKind.CANCEL, most=30)
    with world.services.open_ledger() as holder:
        assert holder.bulk.take(few) is not None
        assert not bulk_step(world.services, few, never)
    assert not bulk_step(world.services, few, lambda: True)
    assert states(world) == {"RECEIVING": 50}
    monkeypatch.setattr(bulk, "_MOST_AT_ONCE", 7)
    assert bulk_step(world.services, few, never)
    assert states(world) == {"CANCELLED": 7, "RECEIVING": 43}
    work_on_bulk(world.services, never, 60.0)
    newest = world.rows("SELECT study_uid FROM studies ORDER BY first_image_at DESC, study_uid DESC LIMIT 30")
    assert set(world.rows("SELECT study_uid FROM studies WHERE state = 'CANCELLED'")) == set(newest)
    rest = begin(world, BulkKind.CANCEL)
    assert stop_bulk(world.services, rest)
    assert not stop_bulk(world.services, rest)
    work_on_bulk(world.services, never, 60.0)
    assert states(world) == {"CANCELLED": 30, "RECEIVING": 20}
    with psycopg.connect(embedded_database_url) as connection:
        assert bulk_action(connection, rest).state is BulkState.STOPPED
        with pytest.raises(BulkUnknown):
            bulk_action(connection, 99)
    with pytest.raises(BulkUnknown):
        stop_bulk(world.services, 99)


def test_every_kind_does_what_it_says(world: World) -> None:
    two = StudySearch(text="1.2.826.9.1")  # and .10 to .19
    world.rows("DELETE FROM backlog WHERE study_uid NOT LIKE '1.2.826.9.1%'")
    for kind, argument, wanted in (
        (BulkKind.PRIORITISE, "urgent", two),
        (BulkKind.SETTLE, "", two),
        (BulkKind.CANCEL, "", StudySearch(text="1.2.826.9.11")),
        (BulkKind.RETRY, "", StudySearch(text="1.2.826.9.11", state=StudyState.CANCELLED)),
    ):
        begin(world, kind, argument, wanted)
        work_on_bulk(world.services, never, 60.0)
    assert states(world) == {"ANALYSING": 11, "RECEIVING": 39}
    assert world.rows("SELECT count(*) FROM studies WHERE priority = 'URGENT'") == [11]
    world.run_all(200)
    begin(world, BulkKind.RESEND, "pacs", two)
    begin(world, BulkKind.REPROCESS, "", StudySearch(text="1.2.826.9.12"))
    begin(world, BulkKind.TAG, "seen", two)
    begin(world, BulkKind.UNTAG, "seen", StudySearch(tag="seen", text="1.2.826.9.13"))
    work_on_bulk(world.services, never, 60.0)
    world.run_all(200)
    assert states(world) == {"DONE": 11, "RECEIVING": 39}
    assert world.events("1.2.826.9.15").count("RESENT") == 1
    assert world.rows("SELECT count(*) FROM study_tags") == [10]


@pytest.mark.parametrize(
    ("kind", "argument", "error"),
    [
        (BulkKind.RESEND, "nowhere", DestinationUnknown),
        (BulkKind.RESEND, "", BulkRefused),
        (BulkKind.CANCEL, "x", BulkRefused),
        (BulkKind.PRIORITISE, "soon", BulkRefused),
        (BulkKind.TAG, "", TagRefused),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_recorded(
    world: World, kind: BulkKind, argument: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        begin(world, kind, argument)
    assert world.rows("SELECT count(*) FROM bulk_actions") == [0]
