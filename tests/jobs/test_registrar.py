from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.registrar import RegistrarContract, received
from tests.pipeline.world import World, make_world
from trabecula.domain.errors import DatabaseUnavailable
from trabecula.domain.ports.registrar import Registrar
from trabecula.jobs.queue import BacklogQueue
from trabecula.jobs.registrar import LedgerRegistrar
from trabecula.ledger.database import create_engine_for
from trabecula.ledger.store import ledger_opener


class TestLedgerRegistrar(RegistrarContract):
    @pytest.fixture
    def world(self, embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
        self.made = make_world(embedded_database_url, tmp_path)
        yield self.made
        self.made.engine.dispose()

    @pytest.fixture
    def registrar(self, world: World) -> Registrar:
        return LedgerRegistrar(world.services.open_ledger, quiet_s=60.0)

    def kept(self, registrar: Registrar) -> set[str]:
        return set(self.made.rows("SELECT sop_instance_uid FROM instances"))

    def quarantined(self, registrar: Registrar) -> set[str]:
        return set(self.made.rows("SELECT spool_key FROM quarantine"))


def test_a_database_that_is_away_is_an_answer_the_sender_tries_again() -> None:
    engine = create_engine_for("postgresql://nobody@127.0.0.1:1/none")
    registrar = LedgerRegistrar(ledger_opener(engine, BacklogQueue()), 60.0)

    with pytest.raises(DatabaseUnavailable) as caught:
        registrar.register(received())

    assert caught.value.dimse_status == 0xA700


def test_many_instances_at_once_leave_one_settling_job_and_no_errors(
    embedded_database_url: str, tmp_path: Path
) -> None:

    world = make_world(embedded_database_url, tmp_path)
    registrar = LedgerRegistrar(world.services.open_ledger, 60.0)
    problems: list[Exception] = []

    def send(numbers: range) -> None:
        try:
            for number in numbers:
                registrar.register(received(number))
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=send, args=(range(start, start + 25),)) for start in range(0, 100, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert world.rows("SELECT count(*) FROM instances") == [100]
    assert [stage for stage, _pause in world.waiting()] == ["settle"]
    world.engine.dispose()
