"""What every ReceptionRegister promises a journal: inherit it, give it a register and views of what it knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.contracts.registrar import STUDY, received
from trabecula.domain.ports.reception import ReceptionRegister
from trabecula.domain.study.reception import (
    CommitmentAnswer,
    ListenerStanding,
    Reception,
    ReceptionBatch,
    RefusedInstance,
)

SEGMENT = "ab" * 16


def batch(*entries: Reception, first: int = 0, segment: str = SEGMENT) -> ReceptionBatch:
    """Return consecutive records of a segment, numbered from ``first``."""
    numbered = tuple(enumerate(entries, first))
    return ReceptionBatch("1.2.3", segment, numbered, first + len(entries))


def refused(number: int = 9, *, at: datetime | None = None) -> RefusedInstance:
    """Return a refusal of an instance of the study."""
    return RefusedInstance(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=f"{STUDY}.1.{number}",
        study_uid=STUDY,
        series_uid=f"{STUDY}.1",
        status=0xA700,
        code="STORAGE_FULL",
        calling_ae_title="PACS",
        association_id="a1",
        refused_at=at or datetime.now(UTC),
    )


class ReceptionRegisterContract:
    """Tests of the port. A subclass overrides the fixture ``register`` and the four views."""

    @pytest.fixture
    def register(self) -> ReceptionRegister:
        raise AssertionError("the subclass gives the register")

    def kept(self, register: ReceptionRegister) -> set[str]:
        """Return the SOP Instance UIDs of the instances that count as received."""
        raise AssertionError("the subclass knows")

    def quarantined(self, register: ReceptionRegister) -> set[str]:
        """Return the spool keys of what lies in quarantine."""
        raise AssertionError("the subclass knows")

    def refused(self, register: ReceptionRegister) -> set[str]:
        """Return the SOP Instance UIDs of what was refused."""
        raise AssertionError("the subclass knows")

    def listeners(self, register: ReceptionRegister) -> list[str]:
        """Return the UIDs of the journals whose listeners are known, each once."""
        raise AssertionError("the subclass knows")

    def lose(self, register: ReceptionRegister) -> None:
        """Delete every instance, as an operator does."""
        raise AssertionError("the subclass can")

    def test_a_batch_is_recorded_and_the_segment_is_so_far(self, register: ReceptionRegister) -> None:
        register.register_batch(batch(received(1), received(2)))

        assert self.kept(register) == {received(1).sop_instance_uid, received(2).sop_instance_uid}
        assert register.registered([SEGMENT, "other"]) == {SEGMENT: 2}
        assert register.knows(received(1).sop_instance_uid)
        assert not register.knows(received(3).sop_instance_uid)

    def test_a_replay_brings_nothing_back_that_was_deleted(self, register: ReceptionRegister) -> None:
        register.register_batch(batch(received(1), received(2)))
        self.lose(register)

        register.register_batch(batch(received(1), received(2), received(3)))

        assert self.kept(register) == {received(3).sop_instance_uid}
        assert register.registered([SEGMENT]) == {SEGMENT: 3}

    def test_a_duplicate_within_a_batch_is_a_repetition(self, register: ReceptionRegister) -> None:
        register.register_batch(batch(received(1), received(1), received(1, calling_ae_title="ROUTER")))

        assert self.kept(register) == {received(1).sop_instance_uid}
        assert self.quarantined(register) == set()

    def test_other_bytes_under_a_known_uid_go_to_quarantine(self, register: ReceptionRegister) -> None:
        register.register_batch(batch(received(1)))

        other = received(1, sha256="f" * 64, spool_key="quarantine/ff.dcm")
        register.register_batch(batch(other, segment="cd" * 16))

        assert self.kept(register) == {received(1).sop_instance_uid}
        assert self.quarantined(register) == {"quarantine/ff.dcm"}

    def test_a_fault_counts_for_nothing(self, register: ReceptionRegister) -> None:
        fault = received(1, fault="INSTANCE_UNPARSABLE: cut off.", spool_key="quarantine/aa.dcm")

        register.register_batch(batch(fault, received(2)))

        assert self.kept(register) == {received(2).sop_instance_uid}
        assert self.quarantined(register) == {"quarantine/aa.dcm"}

    def test_refusals_and_commitments_come_in_the_same_batch(self, register: ReceptionRegister) -> None:
        register.register_batch(batch(refused(9), CommitmentAnswer("1.2.9", {"1.2.3": True}), received(1), refused(9)))

        assert self.refused(register) == {refused(9).sop_instance_uid}
        assert self.kept(register) == {received(1).sop_instance_uid}

    def test_a_segment_that_is_gone_is_forgotten(self, register: ReceptionRegister) -> None:
        register.register_batch(batch(received(1)))

        register.forget(SEGMENT)

        assert register.registered([SEGMENT]) == {}

    def test_a_listener_may_say_how_far_it_is_again_and_again(self, register: ReceptionRegister) -> None:
        for minutes in (2, 1, 3):
            until = datetime.now(UTC) - timedelta(minutes=minutes)
            register.publish(
                ListenerStanding(journal_uid="1.2.3", name="HOST", registered_until=until, backlog_bytes=0)
            )

        assert self.listeners(register) == ["1.2.3"]
