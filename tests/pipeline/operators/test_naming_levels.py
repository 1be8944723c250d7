"""A reader names levels of a finished study: a new revision with these names, kept for every later one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.world import CT_STORAGE, STUDY, World, make_world
from trabecula.domain.errors import ResultMissing
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.errors_of.readers import BodyUnknown, StudyBusy
from trabecula.domain.spine import Level
from trabecula.domain.study.jobs import Stage
from trabecula.ledger.queries.studies import show_study, study_events
from trabecula.pipeline import register_instance, reprocess_study
from trabecula.pipeline.operators.naming_levels import name_levels, withdraw_names

__all__ = ["database_url", "embedded_database_url"]

SEG = "1.2.840.10008.5.1.4.1.1.66.4"


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    """A study of one image that is done; its only body is called L1."""
    made = make_world(embedded_database_url, tmp_path)
    receive(made, 1)
    made.be_quiet()
    made.run_all()
    assert made.state() == "DONE"
    yield made
    made.engine.dispose()


def receive(world: World, number: int) -> None:
    register_instance(world.services.open_ledger, world.instance(number), 60.0)


def name(world: World, called: str, level: Level, reason: str = "ribs at the one above") -> int:
    done = name_levels(world.services, world.runner.artifacts, STUDY, called, level, who="reader", reason=reason)
    return done.revision


def levels(world: World) -> list[str]:
    return [item["level"] for item in show_study(world.engine, STUDY)["levels"]]


def test_the_study_is_measured_anew_with_the_names_and_the_trail_says_who_and_why(world: World) -> None:
    assert name(world, "L1", Level.T12) == 2
    world.run_all()
    document = show_study(world.engine, STUDY)
    assert (document["state"], document["revision"], levels(world)) == ("DONE", 2, ["T12"])
    assert (document["correction"]["called"], document["correction"]["level"]) == ("L1", "T12")
    (event,) = [item for item in study_events(world.engine, STUDY) if item["what"] == "LEVELS_NAMED"]
    assert (event["who"], event["facts"]["reason"], event["facts"]["is"]) == ("reader", "ribs at the one above", "T12")


def test_the_names_hold_for_late_images_and_when_it_is_measured_again(world: World) -> None:
    name(world, "L1", Level.T12)
    world.run_all()
    receive(world, 2)
    world.be_quiet()
    world.run_all()
    assert (show_study(world.engine, STUDY)["revision"], levels(world)) == (3, ["T12"])
    reprocess_study(world.services.open_ledger, STUDY, "admin")
    world.run_all()
    assert (show_study(world.engine, STUDY)["revision"], levels(world)) == (4, ["T12"])


def test_names_are_taken_back(world: World) -> None:
    with pytest.raises(BodyUnknown, match="no reader"):
        withdraw_names(world.services, STUDY, who="reader", reason="mistaken")
    name(world, "L1", Level.T12)
    world.run_all()
    assert withdraw_names(world.services, STUDY, who="reader", reason="mistaken").revision == 3
    world.run_all()
    assert (levels(world), show_study(world.engine, STUDY)["correction"]) == (["L1"], None)


@pytest.mark.parametrize("called", ["L2", "#1", "#", "sacrum", ""])
def test_a_body_that_the_result_does_not_show_is_refused_with_those_it_shows(world: World, called: str) -> None:
    with pytest.raises(BodyUnknown, match="the result shows L1"):
        name(world, called, Level.T12)
    assert show_study(world.engine, STUDY)["revision"] == 1


def test_a_reason_and_a_finished_result_are_needed(world: World) -> None:
    with pytest.raises(ReasonMissing):
        name(world, "L1", Level.T12, reason=" ")
    receive(world, 2)
    with pytest.raises(StudyBusy):
        name(world, "L1", Level.T12)
    world.be_quiet()
    world.run_next(Stage.SETTLE)
    with pytest.raises(ResultMissing):
        name(world, "L1", Level.T12)


def test_segs_of_readers_alone_are_outlines_the_newest_first(world: World) -> None:
    names = {2: ("WORKSTATION", SEG), 3: ("ROUTER", SEG), 4: ("WORKSTATION", SEG), 5: ("WORKSTATION", CT_STORAGE)}
    for number, (title, sop_class_uid) in names.items():
        received = replace(world.instance(number), calling_ae_title=title, sop_class_uid=sop_class_uid)
        register_instance(world.services.open_ledger, received, 60.0)
    world.be_quiet()
    world.run_all()
    with world.services.open_ledger() as ledger:
        found = ledger.revisions.outlines_from(STUDY, 2, {"WORKSTATION"})
        assert found == (f"{STUDY}.5.4", f"{STUDY}.5.2")
        assert ledger.revisions.outlines_from(STUDY, 1, {"WORKSTATION"}) == ()
        assert ledger.revisions.outlines_from(STUDY, 2, ()) == ()
