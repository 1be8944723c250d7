"""What a journal tells the ledger becomes rows: each once, by the database's clock, with one settling per study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contracts.reception import SEGMENT, ReceptionRegisterContract, batch, refused
from tests.contracts.registrar import STUDY, received
from tests.databases import embedded_database_url
from tests.pipeline.world import World, make_world
from trabecula.domain.errors import DatabaseRefused, DatabaseUnavailable
from trabecula.domain.ports.reception import ReceptionRegister
from trabecula.domain.study.reception import ListenerStanding
from trabecula.domain.study.study import ReceivedInstance
from trabecula.jobs.queue import BacklogQueue
from trabecula.jobs.registrar import LedgerReceptionRegister
from trabecula.ledger.database import create_engine_for
from trabecula.ledger.store import ledger_opener

__all__ = ["embedded_database_url"]


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(embedded_database_url, tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def register(world: World) -> LedgerReceptionRegister:
    return LedgerReceptionRegister(world.services.open_ledger, quiet_s=60.0)


class TestLedgerReceptionRegister(ReceptionRegisterContract):
    @pytest.fixture
    def register(self, world: World) -> ReceptionRegister:
        self.world = world
        return LedgerReceptionRegister(world.services.open_ledger, quiet_s=60.0)

    def kept(self, register: ReceptionRegister) -> set[str]:
        return set(self.world.rows("SELECT sop_instance_uid FROM instances"))

    def quarantined(self, register: ReceptionRegister) -> set[str]:
        return set(self.world.rows("SELECT spool_key FROM quarantine"))

    def refused(self, register: ReceptionRegister) -> set[str]:
        return set(self.world.rows("SELECT sop_instance_uid FROM refused_instances"))

    def listeners(self, register: ReceptionRegister) -> list[str]:
        return list(self.world.rows("SELECT journal_uid FROM listeners"))

    def lose(self, register: ReceptionRegister) -> None:
        self.world.rows("DELETE FROM studies")


def came(number: int, ago_s: float, study_uid: str = STUDY) -> ReceivedInstance:
    """Return an instance that came so long ago."""
    return replace(
        received(number, study_uid=study_uid, sop_instance_uid=f"{study_uid}.1.{number}", series_uid=f"{study_uid}.1"),
        received_at=datetime.now(UTC) - timedelta(seconds=ago_s),
    )


def quiet_s(world: World) -> float:
    (seconds,) = world.rows("SELECT extract(epoch FROM clock_timestamp() - last_image_at)::float FROM studies")
    return float(seconds)


def test_quiet_time_counts_from_reception_and_a_study_settles_once(
    world: World, register: LedgerReceptionRegister
) -> None:
    register.register_batch(batch(*(came(number, 20.0 + number) for number in range(1, 41))))

    ((stage, delay),) = world.waiting()
    assert stage == "settle"
    assert 30 < delay <= 40
    assert 21 <= quiet_s(world) < 30
    assert world.events(STUDY) == ["RECEIVED"]


def test_an_older_image_does_not_turn_quiet_time_back(world: World, register: LedgerReceptionRegister) -> None:
    register.register_batch(batch(came(1, 10.0)))
    register.register_batch(batch(came(2, 3600.0), first=1))

    assert 10 <= quiet_s(world) < 20
    (first,) = world.rows("SELECT extract(epoch FROM clock_timestamp() - first_image_at)::float FROM studies")
    assert first < 20


def test_a_late_image_reopens_its_study_whenever_it_came(world: World, register: LedgerReceptionRegister) -> None:
    register.register_batch(batch(came(1, 10.0)))
    world.rows("UPDATE studies SET state = 'CANCELLED'")

    register.register_batch(batch(came(2, 3600.0), first=1))

    assert world.state(STUDY) == "RECEIVING"
    assert world.events(STUDY)[-1] == "REOPENED"


def test_times_of_a_host_whose_clock_is_wrong_are_put_right(
    world: World, register: LedgerReceptionRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener's host is two hours ahead; its times come with its clock."""
    ahead = timedelta(hours=2)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + ahead

    monkeypatch.setattr("trabecula.ledger.rows.receptions.datetime", Ahead)
    instance = replace(came(1, 15.0), received_at=datetime.now(UTC) - timedelta(seconds=15) + ahead)
    register.register_batch(batch(instance))
    until = datetime.now(UTC) + ahead - timedelta(seconds=30)
    register.publish(ListenerStanding(journal_uid="1.2.3", name="HOST", registered_until=until, backlog_bytes=0))

    assert 14 < quiet_s(world) < 30
    (age,) = world.rows("SELECT extract(epoch FROM clock_timestamp() - registered_until)::float FROM listeners")
    assert 29 < age < 45
    (skew,) = world.rows("SELECT extract(epoch FROM host_clock - told_at)::float FROM listeners")
    assert abs(skew - 7200) < 5


def test_two_copies_of_an_image_are_told_to_its_study(world: World, register: LedgerReceptionRegister) -> None:
    register.register_batch(batch(came(1, 1.0)))

    register.register_batch(batch(replace(came(1, 0.5), sha256="f" * 64, spool_key="quarantine/ff.dcm"), first=1))

    assert world.events(STUDY)[-1] == "CONFLICT"


def test_a_refusal_that_came_later_counts(world: World, register: LedgerReceptionRegister) -> None:
    old = datetime.now(UTC) - timedelta(hours=3)
    register.register_batch(batch(refused(9, at=datetime.now(UTC)), refused(9, at=old)))

    (age,) = world.rows("SELECT extract(epoch FROM clock_timestamp() - refused_at)::float FROM refused_instances")
    assert age < 60


def test_a_listener_that_stands_still_is_not_heard(world: World, register: LedgerReceptionRegister) -> None:
    until = datetime.now(UTC) - timedelta(minutes=5)
    standing = ListenerStanding(journal_uid="1.2.3", name="HOST", registered_until=until, backlog_bytes=7)
    register.publish(standing)
    world.rows("UPDATE listeners SET heard_at = heard_at - interval '1 hour', told_at = told_at - interval '1 hour'")

    register.publish(replace(standing, registered_until=until - timedelta(seconds=9)))

    ((heard, told),) = world.rows(
        "SELECT clock_timestamp() - heard_at > interval '59 min', clock_timestamp() - told_at < interval '1 min' "
        "FROM listeners"
    )
    assert (heard, told) == (True, True)


def test_what_the_database_refuses_changes_nothing_and_is_named_without_values(
    world: World, register: LedgerReceptionRegister
) -> None:
    with pytest.raises(DatabaseRefused) as caught:
        register.register_batch(batch(came(1, 1.0), replace(came(2, 1.0), size_bytes=2**70)))

    assert received(2).sop_instance_uid not in str(caught.value)
    assert world.rows("SELECT count(*) FROM instances") == [0]
    assert register.registered([SEGMENT]) == {}


def test_a_database_that_is_away_is_said_to_be() -> None:
    engine = create_engine_for("postgresql://nobody@127.0.0.1:1/none")
    register = LedgerReceptionRegister(ledger_opener(engine, BacklogQueue()), 60.0)

    for call in (lambda: register.register_batch(batch(received())), lambda: register.registered(["a"])):
        with pytest.raises(DatabaseUnavailable):
            call()
