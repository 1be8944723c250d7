"""Sending again: finished and failed reports to a destination, the former one given up, and reports nobody wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.delivery import Destination, SendNotEvaluable, may_be_lumbar
from trabecula.domain.desk.search import StudySearch
from trabecula.domain.errors import DestinationUnknown, DestinationUnreachable, NothingToSend, TransitionRefused
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, LevelResult, StudyResult
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.study.jobs import RetryPolicy
from trabecula.domain.study.study import StudyState
from trabecula.ledger.database import driver_connection
from trabecula.ledger.queries.backlog import resume
from trabecula.ledger.queries.studies import show_study
from trabecula.pipeline import register_instance, resend_study, retry_study

__all__ = ["database_url", "embedded_database_url"]

PACS = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104, commitment=False)
NEW = replace(PACS, name="new")
PATIENT = RetryPolicy(first_pause_s=600.0)


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(embedded_database_url, tmp_path, (PACS,))
    register_instance(made.services.open_ledger, made.instance(1), 60.0)
    made.be_quiet()
    yield made
    made.engine.dispose()


def rename(world: World, *destinations: Destination) -> None:
    world.services = replace(world.services, destinations={item.name: item for item in destinations})


def resend(world: World, destination: str, instead_of: str = "") -> int:
    return resend_study(world.services, STUDY, destination, "admin", instead_of)


def test_a_finished_report_goes_again_and_to_a_new_destination(world: World) -> None:
    world.run_all()
    assert resend(world, "pacs") == 3
    world.run_all()
    rename(world, PACS, NEW)
    assert resend(world, "new") == 3
    world.run_all()
    assert world.state() == "DONE"
    assert [name for name, kind, _ in world.sender.sent if kind == "SR"] == ["pacs", "pacs", "new"]
    assert world.events().count("RESENT") == 2


def test_what_waits_for_a_former_name_is_pointed_elsewhere(world: World) -> None:
    rename(world, NEW)
    world.services = replace(world.services, destinations={"pacs": PACS})
    world.sender.errors["pacs"] = DestinationUnreachable("down")
    world.run_all()
    assert world.state() == "FAILED"
    rename(world, NEW)
    assert resend(world, "new", instead_of="pacs") == 3
    world.run_all()
    assert world.state() == "DONE"
    assert {row[0] for row in world.rows("SELECT destination, state FROM object_deliveries")} == {"new"}


def test_refusals_change_nothing(world: World) -> None:
    with pytest.raises(TransitionRefused):
        resend(world, "pacs")
    world.run_all()
    with pytest.raises(DestinationUnknown):
        resend(world, "nowhere")
    rename(world, replace(NEW, object_kinds=()))
    with pytest.raises(NothingToSend):
        resend(world, "new")
    assert (world.state(), world.events().count("RESENT")) == ("DONE", 0)


def test_a_report_that_was_withheld_is_not_sent_by_hand(world: World) -> None:
    world.runner.reasons = (Reason(code=ReasonCode.PATIENT_CONFLICT),)
    world.run_all()
    with pytest.raises(TransitionRefused, match="one patient"):
        resend(world, "pacs")


def test_a_failed_delivery_shows_its_next_try_and_is_found_by_its_code(world: World) -> None:
    world.sender.errors["pacs"] = DestinationUnreachable("down")
    while world.run_next() is not None and not world.rows("SELECT 1 FROM object_deliveries WHERE attempts > 0"):
        pass
    sr = next(item for item in show_study(world.engine, STUDY)["objects"] if item["kind"] == "SR")
    assert sr["destinations"]["pacs"]["next_attempt_at"] > sr["destinations"]["pacs"]["changed_at"]
    world.run_all()
    (found,) = world.listed(StudySearch(reason="ATTEMPTS_EXHAUSTED"))
    assert (found["study_uid"], found["state"]) == (STUDY, "FAILED")
    assert world.rows("SELECT next_attempt_at FROM object_deliveries WHERE next_attempt_at IS NOT NULL") == []
    world.sender.errors.clear()
    retry_study(world.services.open_ledger, STUDY, "admin")
    world.run_all()
    assert world.state() == "DONE"


def not_evaluable(*codes: ReasonCode, levels: tuple[Level, ...] = ()) -> StudyResult:
    """A result that lists L1-L4 as every result does, and has outlined ``levels``."""
    return StudyResult(
        study_uid=STUDY,
        revision=1,
        category=Category.NOT_EVALUABLE,
        reasons=tuple(Reason(code=code) for code in codes),
        levels=tuple(
            LevelResult(level=level, evaluable=False, quality=0.5 if level in levels else 0.0)
            for level in dict.fromkeys((*levels, *MEASURED_LEVELS))
        ),
    )


@pytest.mark.parametrize(
    ("result", "lumbar"),
    [
        (not_evaluable(ReasonCode.NOT_A_SPINE, ReasonCode.TOO_FEW_LEVELS), False),
        (not_evaluable(ReasonCode.NOT_TARGET_BODYPART, levels=(Level.T8, Level.T9)), False),
        (not_evaluable(ReasonCode.NOT_TARGET_BODYPART, levels=(Level.T12, Level.L1)), True),
        (not_evaluable(ReasonCode.NOT_TARGET_MODALITY), False),
        (not_evaluable(ReasonCode.NO_SUITABLE_SERIES), True),
        (not_evaluable(ReasonCode.ANALYSIS_FAILED), True),
    ],
)
def test_which_reports_without_a_measurement_are_sent(result: StudyResult, lumbar: bool) -> None:
    assert may_be_lumbar(result) is lumbar
    assert SendNotEvaluable.LUMBAR.wants(result) is lumbar
    assert SendNotEvaluable.ALWAYS.wants(result)
    assert not SendNotEvaluable.NEVER.wants(result)
    assert SendNotEvaluable.NEVER.wants(replace(result, category=Category.INDETERMINATE))


def test_a_report_nobody_wants_stays_here_and_the_trail_says_so(world: World) -> None:
    rename(world, replace(PACS, send_not_evaluable=SendNotEvaluable.NEVER))
    world.runner.category = Category.NOT_EVALUABLE
    world.run_all()
    assert (world.state(), world.sender.sent) == ("DONE", [])
    assert world.events()[-1] == "NOT_SENT"
    assert resend(world, "pacs") == 3


@pytest.mark.parametrize("act", ["resend", "retry"])
def test_what_waits_for_a_later_try_is_sent_at_once_when_somebody_asks(world: World, act: str) -> None:
    world.services = replace(world.services, retries=PATIENT)
    world.sender.errors["pacs"] = DestinationUnreachable("down")
    for _ in range(4):
        world.run_next()
    ((stage, before),) = world.waiting()
    world.sender.errors.clear()

    if act == "resend":
        assert resend(world, "pacs") == 3
    else:
        assert retry_study(world.services.open_ledger, STUDY, "admin") is StudyState.DELIVERING

    assert (stage, before > 60.0) == ("deliver", True)
    assert world.waiting() == [("deliver", 0.0)]
    world.run_all()
    assert world.state() == "DONE"


def test_a_destination_that_goes_on_is_tried_at_once(world: World) -> None:
    world.services = replace(world.services, retries=PATIENT)
    world.sender.errors["pacs"] = DestinationUnreachable("down")
    for _ in range(4):
        world.run_next()
    with world.engine.begin() as connection:
        resume(driver_connection(connection), "io", "other", "admin")
    assert world.waiting()[0][1] > 60.0
    with world.engine.begin() as connection:
        resume(driver_connection(connection), "io", "pacs", "admin")
    assert world.waiting() == [("deliver", 0.0)]
    assert world.rows("SELECT DISTINCT next_attempt_at <= now() FROM object_deliveries") == [True]
