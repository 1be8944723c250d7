"""Settling with listeners that keep journals: nobody reports half a study, and what lacks is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.databases import embedded_database_url
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.errors import AnalysisCrashed
from trabecula.domain.study.jobs import Stage
from trabecula.domain.study.reception import ListenerStanding, ReceptionBatch, RefusedInstance
from trabecula.domain.study.study import ReceivedInstance
from trabecula.jobs.registrar import LedgerReceptionRegister
from trabecula.pipeline import settle_now

__all__ = ["embedded_database_url"]

QUIET_S = 60.0


class Site:
    """Listeners of one installation; they keep to the test's own time, ``ago`` seconds before now."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.register = LedgerReceptionRegister(world.services.open_ledger, QUIET_S)
        self._sequence = 0

    def receive(self, *numbers: int, ago: float) -> None:
        came = datetime.now(UTC) - timedelta(seconds=ago)
        self._batch(*(replace(self.world.instance(number), received_at=came) for number in numbers))

    def refuse(self, *numbers: int, ago: float) -> None:
        at = datetime.now(UTC) - timedelta(seconds=ago)
        self._batch(
            *(
                RefusedInstance(
                    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
                    sop_instance_uid=self.world.instance(number).sop_instance_uid,
                    study_uid=STUDY,
                    series_uid=f"{STUDY}.5",
                    status=0xA700,
                    code="STORAGE_FULL",
                    calling_ae_title="ROUTER",
                    association_id="a1",
                    refused_at=at,
                )
                for number in numbers
            )
        )

    def stand(self, name: str, *, ago: float, silent: float = 0.0, ended: bool = False) -> None:
        """A listener has registered everything until ``ago`` and got no further for ``silent`` seconds."""
        until = datetime.now(UTC) - timedelta(seconds=ago)
        self.register.publish(
            ListenerStanding(journal_uid=name, name=name, registered_until=until, backlog_bytes=0, ended=ended)
        )
        self.world.rows(
            "UPDATE listeners SET heard_at = heard_at - make_interval(secs => :s) WHERE name = :name",
            s=silent, name=name,
        )  # fmt: skip

    def _batch(self, *entries: ReceivedInstance | RefusedInstance) -> None:
        numbered = tuple(enumerate(entries, self._sequence))
        self._sequence += len(entries)
        self.register.register_batch(ReceptionBatch("A", "ab" * 16, numbered, self._sequence))


@pytest.fixture
def site(embedded_database_url: str, tmp_path: Path) -> Iterator[Site]:
    world = make_world(embedded_database_url, tmp_path)
    policy = replace(world.services.settle, listener_grace_s=300.0, refused_hold_s=3600.0)
    world.services = replace(world.services, settle=policy)
    yield Site(world)
    world.engine.dispose()


def settled(site: Site) -> str:
    (detail,) = site.world.rows("SELECT detail FROM events WHERE what = 'SETTLED'")
    return str(detail)


def test_a_study_settles_when_every_listener_is_past_its_quiet_time(site: Site) -> None:
    site.receive(1, 2, ago=70)
    site.stand("A", ago=1)
    site.stand("B", ago=2)

    site.world.run_next(Stage.SETTLE)

    assert (site.world.state(), settled(site)) == ("ANALYSING", "2 images")


def test_a_listener_that_lags_holds_a_study_although_it_is_past_the_last_image(site: Site) -> None:
    """It is past the last image that anybody knows of; an image of half a minute later may lie in its journal."""
    site.receive(1, ago=70)
    site.stand("A", ago=1)
    site.stand("B", ago=35)

    site.world.run_next(Stage.SETTLE)

    assert site.world.state() == "RECEIVING"
    assert site.world.events()[-1] == "WAITING"
    ((stage, delay),) = site.world.waiting()
    assert stage == "settle"
    assert 0 < delay <= 25

    # it catches up, with the rest of the study
    site.receive(2, ago=35)
    site.stand("B", ago=0)
    site.world.be_quiet()
    site.world.run_next(Stage.SETTLE)

    assert (site.world.state(), settled(site)) == ("ANALYSING", "2 images")


def test_waiting_is_said_once(site: Site) -> None:
    site.receive(1, ago=70)
    site.stand("B", ago=90)

    for _ in range(3):
        site.world.run_next(Stage.SETTLE)

    assert site.world.events().count("WAITING") == 1


def test_an_hour_of_backlog_does_not_settle_before_it_is_registered(site: Site) -> None:
    """Each image came an hour ago, so all of them are quiet; only the listener's standing tells what follows."""
    for number in range(1, 4):
        site.receive(number, ago=3600 - number)
        site.stand("A", ago=3600 - number)
        site.world.run_next(Stage.SETTLE)
        assert site.world.state() == "RECEIVING"

    site.stand("A", ago=0)
    site.world.run_next(Stage.SETTLE)

    assert (site.world.state(), settled(site)) == ("ANALYSING", "3 images")


def test_a_silent_listener_holds_for_its_grace_and_then_the_result_says_so(site: Site) -> None:
    site.receive(1, ago=400)
    site.stand("A", ago=1)
    site.stand("B", ago=390, silent=250)
    site.world.run_next(Stage.SETTLE)
    assert site.world.state() == "RECEIVING"

    site.world.rows("UPDATE listeners SET heard_at = heard_at - interval '1 minute' WHERE name = 'B'")
    site.world.run_all()

    (result,) = site.world.rows("SELECT result FROM revisions")
    reason = next(item for item in result["reasons"] if item["code"] == "LISTENER_SILENT")
    assert result["silent_listeners"] == ["B"]
    assert not reason["blocking"]
    assert "does not answer (B)." in reason["sentence"]
    assert settled(site) == "the listener B is silent"


def test_a_listener_that_ended_in_order_is_not_waited_for(site: Site) -> None:
    site.receive(1, ago=70)
    site.stand("B", ago=90, ended=True)

    site.world.run_next(Stage.SETTLE)

    assert site.world.state() == "ANALYSING"


def test_refused_images_are_waited_for_and_come(site: Site) -> None:
    site.receive(1, ago=200)
    site.refuse(2, 3, ago=190)
    site.stand("A", ago=0)
    site.world.run_next(Stage.SETTLE)
    assert (site.world.state(), site.world.waiting()[0][1] <= 60) == ("RECEIVING", True)
    assert site.world.events()[-2:] == ["REFUSED", "WAITING"]

    site.receive(2, 3, ago=100)
    site.world.run_all()

    (result,) = site.world.rows("SELECT result FROM revisions")
    assert result["refused"] == 0
    assert [item["code"] for item in result["reasons"]] == ["KVP_ADJUSTED"]


def test_refused_images_that_never_came_are_counted_in_the_result(site: Site) -> None:
    site.receive(1, ago=8000)
    site.refuse(*range(2, 91), ago=3590)
    site.stand("A", ago=0)
    site.world.run_next(Stage.SETTLE)
    assert site.world.state() == "RECEIVING"

    site.world.rows("UPDATE refused_instances SET refused_at = refused_at - interval '1 minute'")
    site.world.run_all()

    (result,) = site.world.rows("SELECT result FROM revisions")
    reason = next(item for item in result["reasons"] if item["code"] == "IMAGES_REFUSED")
    assert result["refused"] == 89
    assert reason["sentence"] == "Images that were sent are missing (89 images of this study were refused)."
    assert settled(site) == "89 images of this study were refused"


def test_a_damaged_image_is_not_called_refused(site: Site) -> None:
    site.receive(1, ago=8000)
    site.refuse(2, ago=7900)
    site.world.rows("UPDATE refused_instances SET code = 'JOURNAL_DAMAGED'")
    site.stand("A", ago=0)
    site.world.run_all()

    (result,) = site.world.rows("SELECT result FROM revisions")
    assert (result["refused"], result["damaged"]) == (0, 1)
    assert settled(site) == "1 image of this study was damaged here after success had been answered"


def test_a_refused_image_that_comes_after_the_result_makes_a_new_one_without_the_remark(site: Site) -> None:
    site.receive(1, ago=8000)
    site.refuse(2, ago=7900)
    site.stand("A", ago=0)
    site.world.run_all()

    site.receive(2, ago=100)
    site.world.run_all()

    assert site.world.rows("SELECT (result ->> 'refused')::int FROM revisions ORDER BY revision") == [1, 0]


def test_an_operator_need_not_wait_but_the_result_says_what_lacks(site: Site) -> None:
    site.receive(1, ago=70)
    site.refuse(2, ago=60)
    site.stand("B", ago=65)

    settle_now(site.world.services, STUDY, "tester")
    site.world.run_all()

    (result,) = site.world.rows("SELECT result FROM revisions")
    assert result["refused"] == 1


def test_a_failed_analysis_says_what_lacks_as_well(site: Site) -> None:
    site.receive(1, ago=8000)
    site.refuse(2, ago=7900)
    site.stand("A", ago=0)
    site.world.runner.errors = [AnalysisCrashed("killed")] * 3
    site.world.run_all()

    (result,) = site.world.rows("SELECT result FROM revisions")
    assert {item["code"] for item in result["reasons"]} == {"ANALYSIS_FAILED", "IMAGES_REFUSED"}


def test_a_study_of_which_every_image_was_refused_is_answered_and_opens_again_when_they_come(site: Site) -> None:
    site.refuse(1, 2, 3, ago=3590)
    site.refuse(3, ago=3580)
    site.stand("A", ago=0)
    site.world.run_next(Stage.SETTLE)
    waits = site.world.state(), site.world.events()

    site.world.rows("UPDATE refused_instances SET refused_at = refused_at - interval '1 minute'")
    site.world.run_all()
    ((state, category, revision),) = site.world.rows("SELECT state, category, revision FROM studies")
    (result,) = site.world.rows("SELECT result FROM revisions")
    events = site.world.events()
    kept = site.world.services.artifacts.load_result(STUDY, 1)
    site.receive(1, 2, 3, ago=100)
    site.world.run_all()

    assert waits == ("RECEIVING", ["REFUSED", "WAITING"])
    assert (state, category, revision) == ("DONE", "NOT_EVALUABLE", 1)
    assert result["refused"] == 3
    assert [(item["code"], item["blocking"]) for item in result["reasons"]] == [("IMAGES_REFUSED", True)]
    assert events[-2:] == ["SETTLED", "WITHHELD"]
    assert kept.refused == 3
    assert site.world.rows("SELECT (result ->> 'refused')::int FROM revisions ORDER BY revision") == [3, 0]
    assert (site.world.state(), site.world.events()[-1]) == ("DONE", "REPORTED")
    assert [row["study_uid"] for row in site.world.listed()] == [STUDY]
