"""The desk's tables say what the ledger says, after everything that happens to a study in its life."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from bench.desk.seed import seed

from tests.ledger.desk.truth import assert_desk_is_true
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnreachable, StudyUnknown
from trabecula.domain.errors_of.bulk import TagRefused
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category
from trabecula.domain.study.recall import MadeBy, Maker
from trabecula.ledger.desk.backfill import backfill_batch
from trabecula.ledger.desk.search import StudySearch, is_prepared, search
from trabecula.ledger.desk.tags import add_tag, remove_tag, tags_in_use, tags_of
from trabecula.pipeline import cancel_study, register_instance, reprocess_study
from trabecula.pipeline.operators.recalling import recall_results

PACS = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104, commitment=True)
OTHER = "1.2.826.0.2"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(database_url, tmp_path, (PACS, replace(PACS, name="second", commitment=False)))
    for study in (STUDY, OTHER):
        register_instance(made.services.open_ledger, made.instance(1, study_uid=study), 60.0)
    yield made
    made.engine.dispose()


def receive(world: World, number: int, content: str = "", study_uid: str = STUDY) -> None:
    instance = world.instance(number, content=content, study_uid=study_uid)
    register_instance(world.services.open_ledger, instance, 60.0)
    world.be_quiet(study_uid)


def test_the_desk_is_true_after_each_step_of_a_life(world: World, database_url: str) -> None:
    who, opened = "admin", world.services.open_ledger
    world.rows("DELETE FROM backlog WHERE study_uid = :uid", uid=OTHER)  # it stays RECEIVING
    world.be_quiet()
    while world.run_next() is not None:
        assert_desk_is_true(database_url)
    assert world.state() == "DONE"

    receive(world, 2)
    world.runner.category = Category.NOT_EVALUABLE
    world.runner.reasons = (Reason(code=ReasonCode.METAL),)
    world.sender.errors["second"] = DestinationUnreachable("down")
    assert_desk_is_true(database_url)
    world.run_all()
    assert_desk_is_true(database_url)
    world.sender.errors.clear()
    receive(world, 2, "other bytes under the same UID")
    assert_desk_is_true(database_url)
    world.run_all()
    world.runner.reasons, world.runner.category = (), Category.NO_FLAG
    reprocess_study(opened, STUDY, who)
    assert_desk_is_true(database_url)
    world.run_all()
    recall_results(world.services, MadeBy(Maker.MODEL, "demo-ct"), who=who, reason="drift", reprocess=False)
    cancel_study(opened, OTHER, who)
    assert_desk_is_true(database_url)
    world.rows("DELETE FROM revision_instances")
    world.rows("DELETE FROM studies WHERE study_uid = :uid", uid=STUDY)
    assert_desk_is_true(database_url)
    world.rows("DELETE FROM studies")
    assert_desk_is_true(database_url)


def test_two_who_change_a_study_at_once_leave_its_row_true(world: World, database_url: str) -> None:
    """Whoever commits last must not write what it saw before the other committed."""
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        first.execute("UPDATE studies SET state = 'CANCELLED' WHERE study_uid = %s", (STUDY,))
        second.execute("INSERT INTO study_tags (study_uid, tag, who) VALUES (%s, 'later', 'me')", (STUDY,))
        first.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the first has refreshed and holds the row
        waiting = threading.Thread(target=second.commit)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        first.commit()
        waiting.join(10)
    assert_desk_is_true(database_url)


def test_tags_are_words_that_find_a_study(world: World, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert add_tag(connection, STUDY, "  Follow-Up  2027 ", "anna")
        assert not add_tag(connection, STUDY, "follow-up 2027", "ben")
        add_tag(connection, OTHER, "später", "anna")
        assert [(tag.tag, tag.who) for tag in tags_of(connection, STUDY)] == [("follow-up 2027", "anna")]
        assert tags_in_use(connection) == ("follow-up 2027", "später")
        (row,) = search(connection, StudySearch(tag="follow-up 2027")).rows
        assert (row.study_uid, row.tags) == (STUDY, ("follow-up 2027",))
        assert_desk_is_true(database_url)
        assert remove_tag(connection, STUDY, "Follow-Up 2027")
        assert not remove_tag(connection, STUDY, "follow-up 2027")
        assert search(connection, StudySearch(tag="follow-up 2027")).rows == ()
        for refused in ("", "-x", "a" * 41, "a,b", "x\ny\x00", "_a"):
            with pytest.raises(TagRefused):
                add_tag(connection, STUDY, refused, "anna")
        with pytest.raises(StudyUnknown):
            add_tag(connection, "9.9", "a", "anna")
    assert_desk_is_true(database_url)


def test_studies_of_an_older_version_get_their_rows_in_batches(world: World, database_url: str) -> None:
    world.be_quiet()
    world.run_next()
    world.run_next()
    world.run_next()
    before = world.rows("SELECT * FROM desk_studies ORDER BY study_uid")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM desk_studies")
        connection.execute("DELETE FROM desk_days")
        connection.execute("INSERT INTO desk_backfill DEFAULT VALUES")
        assert connection.execute("SELECT count(*) FROM desk_marks").fetchone() == (0,)
        assert (search(connection, StudySearch()).rows, is_prepared(connection)) == ((), False)
        assert backfill_batch(connection, 1)
        assert len(search(connection, StudySearch()).rows) == 1
        assert backfill_batch(connection, 1)
        assert not backfill_batch(connection, 1)
        assert is_prepared(connection)
        assert not backfill_batch(connection, 1)
    assert world.rows("SELECT * FROM desk_studies ORDER BY study_uid") == before
    assert_desk_is_true(database_url)


def test_the_seed_is_what_the_triggers_would_write(embedded_database_url: str) -> None:
    seed(embedded_database_url, 1_000)
    assert_desk_is_true(embedded_database_url)
