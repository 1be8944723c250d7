"""ANALYSING means waiting or running: which of both, since when, and at which place in line."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.pipeline.conftest import database_url, embedded_database_url, world
from tests.pipeline.test_chain import QUIET_S
from tests.pipeline.world import World
from trabecula.cli.studies.activity import activity_in_words
from trabecula.domain.errors import SpoolUnavailable
from trabecula.domain.study.jobs import Stage
from trabecula.ledger.queries.studies import show_study
from trabecula.pipeline import register_instance

__all__ = ["database_url", "embedded_database_url", "world"]

STUDIES = ("1.1", "1.2", "1.3")


@pytest.fixture
def waiting(world: World) -> World:
    """Three studies wait for their analysis, in this order."""
    for study_uid in STUDIES:
        register_instance(world.services.open_ledger, world.instance(1, study_uid=study_uid), QUIET_S)
        world.be_quiet(study_uid)
        world.run_next(Stage.SETTLE)
    return world


def standing(world: World) -> dict[str, tuple[str, str | None, int | None]]:
    return {row["study_uid"]: (row["state"], row["activity"], row["place"]) for row in world.listed()}


def test_studies_in_line_have_a_place_and_the_running_one_a_start(waiting: World) -> None:
    all_wait = standing(waiting)
    (worker,) = waiting.rows("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
    assert waiting.rows("SELECT args ->> 'study_uid' FROM backlog_take('cpu', :worker, 4)", worker=worker) == ["1.1"]

    one_runs = standing(waiting)
    shown, next_one = show_study(waiting.engine, "1.1"), show_study(waiting.engine, "1.2")

    assert all_wait == {uid: ("ANALYSING", "waiting", place) for place, uid in enumerate(STUDIES, start=1)}
    assert one_runs == {
        "1.1": ("ANALYSING", "running", None),
        "1.2": ("ANALYSING", "waiting", 1),
        "1.3": ("ANALYSING", "waiting", 2),
    }
    assert (shown["state"], shown["activity"]) == ("ANALYSING", "running")
    assert (datetime.now().astimezone() - datetime.fromisoformat(shown["since"])).total_seconds() < 60
    assert activity_in_words(shown).startswith("running since 20")
    assert activity_in_words(next_one) == "waiting, place 1 in line"


def test_a_report_goes_before_new_analyses_and_a_study_tried_again_later_has_no_place(waiting: World) -> None:
    waiting.run_next(Stage.ANALYSE)  # 1.1 waits for its report now
    waiting.runner.errors = [SpoolUnavailable("full")]
    waiting.run_next(Stage.ANALYSE)  # 1.2 is tried again after a pause

    assert standing(waiting) == {
        "1.1": ("REPORTING", "waiting", 1),
        "1.2": ("ANALYSING", "waiting", None),
        "1.3": ("ANALYSING", "waiting", 2),
    }
    assert activity_in_words(show_study(waiting.engine, "1.2")) == "waiting, tried again after a pause"


def test_a_study_that_waits_for_no_processor_has_no_activity(waiting: World) -> None:
    waiting.run_all(60)

    assert standing(waiting) == dict.fromkeys(STUDIES, ("DONE", None, None))
    assert activity_in_words(show_study(waiting.engine, "1.1")) == ""
