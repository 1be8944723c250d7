"""What every Registrar promises its listener: inherit it, give it a registrar and two views of what it knows."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from trabecula.domain.ports.registrar import Registrar
from trabecula.domain.study.study import ReceivedInstance

STUDY = "1.2.826.0.1.3680043.8.498.77.1"


def received(number: int = 1, **changes: str) -> ReceivedInstance:
    """Return an instance as the listener reports it."""
    instance = ReceivedInstance(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=f"{STUDY}.1.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        study_uid=STUDY,
        series_uid=f"{STUDY}.1",
        spool_key=f"objects/{number:02x}/{number}.dcm",
        size_bytes=1000 + number,
        sha256=f"{number:064x}",
        calling_ae_title="PACS",
        association_id="a1b2c3",
        received_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    )
    return replace(instance, **changes)


class RegistrarContract:
    """Tests of the port. A subclass overrides the fixture ``registrar`` and the two views."""

    @pytest.fixture
    def registrar(self) -> Registrar:
        raise AssertionError("the subclass gives the registrar")

    def kept(self, registrar: Registrar) -> set[str]:
        """Return the SOP Instance UIDs of the instances that count as received."""
        raise AssertionError("the subclass knows")

    def quarantined(self, registrar: Registrar) -> set[str]:
        """Return the spool keys of the instances that were registered with a fault."""
        raise AssertionError("the subclass knows")

    def test_an_instance_is_new_once(self, registrar: Registrar) -> None:
        assert registrar.register(received()) is True
        assert registrar.register(received()) is False
        assert self.kept(registrar) == {received().sop_instance_uid}

    def test_a_repetition_over_another_way_is_a_repetition(self, registrar: Registrar) -> None:
        registrar.register(received())

        again = registrar.register(received(calling_ae_title="ROUTER", association_id="ffff"))

        assert again is False
        assert self.kept(registrar) == {received().sop_instance_uid}

    def test_what_is_recorded_is_known_and_what_is_quarantined_is_not(self, registrar: Registrar) -> None:
        registrar.register(received(1))
        registrar.register(received(2, fault="INSTANCE_UNPARSABLE: cut off.", spool_key="quarantine/aa.dcm"))

        known = [registrar.knows(received(number).sop_instance_uid) for number in (1, 2, 3)]

        assert known == [True, False, False]

    def test_instances_of_one_study_add_up(self, registrar: Registrar) -> None:
        assert [registrar.register(received(number)) for number in (1, 2, 3)] == [True] * 3
        assert self.kept(registrar) == {received(number).sop_instance_uid for number in (1, 2, 3)}

    def test_a_fault_is_recorded_and_counts_for_nothing(self, registrar: Registrar) -> None:
        fault = received(
            1, fault="INSTANCE_UNPARSABLE: cut off.", spool_key="quarantine/aa.dcm", study_uid="", series_uid=""
        )

        registrar.register(fault)

        assert self.quarantined(registrar) == {"quarantine/aa.dcm"}
        assert self.kept(registrar) == set()

    def test_a_conflict_leaves_the_first_copy(self, registrar: Registrar) -> None:
        registrar.register(received())

        registrar.register(
            received(1, fault="INSTANCE_CONFLICT: twice.", spool_key="quarantine/bb.dcm", sha256="f" * 64)
        )

        assert self.kept(registrar) == {received().sop_instance_uid}
        assert self.quarantined(registrar) == {"quarantine/bb.dcm"}

    def test_a_sound_copy_after_a_faulty_one_is_new(self, registrar: Registrar) -> None:
        registrar.register(received(1, fault="INSTANCE_UNPARSABLE: cut off.", spool_key="quarantine/aa.dcm"))

        assert registrar.register(received()) is True
        assert self.kept(registrar) == {received().sop_instance_uid}

    def test_the_same_fault_again_is_no_second_row(self, registrar: Registrar) -> None:
        fault = received(
            1, fault="INSTANCE_UNPARSABLE: cut off.", spool_key="quarantine/aa.dcm", study_uid="", series_uid=""
        )

        assert [registrar.register(fault), registrar.register(fault)] == [True, False]

    def test_many_threads_register_one_instance_once(self, registrar: Registrar) -> None:
        answers: list[bool] = []
        threads = [threading.Thread(target=lambda: answers.append(registrar.register(received()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(answers) == [False] * 7 + [True]

    def test_an_answer_to_an_unknown_transaction_is_harmless(self, registrar: Registrar) -> None:
        answer = registrar.commitment_answered("1.2.3.4", {"1.2.3": True})  # type: ignore[func-returns-value]

        assert answer is None
