from __future__ import annotations

import pytest

from tests.contracts.reception import ReceptionRegisterContract
from tests.contracts.registrar import RegistrarContract
from trabecula.domain.ports.reception import ReceptionRegister
from trabecula.domain.ports.registrar import Registrar
from trabecula.testing import MemoryRegistrar


class TestMemoryRegistrar(RegistrarContract):
    @pytest.fixture
    def registrar(self) -> Registrar:
        return MemoryRegistrar()

    def kept(self, registrar: Registrar) -> set[str]:
        assert isinstance(registrar, MemoryRegistrar)
        return {instance.sop_instance_uid for instance in registrar.instances}

    def quarantined(self, registrar: Registrar) -> set[str]:
        assert isinstance(registrar, MemoryRegistrar)
        return {instance.spool_key for instance in registrar.quarantined}


class TestMemoryReceptionRegister(ReceptionRegisterContract):
    @pytest.fixture
    def register(self) -> ReceptionRegister:
        return MemoryRegistrar()

    def kept(self, register: ReceptionRegister) -> set[str]:
        assert isinstance(register, MemoryRegistrar)
        return {instance.sop_instance_uid for instance in register.instances}

    def quarantined(self, register: ReceptionRegister) -> set[str]:
        assert isinstance(register, MemoryRegistrar)
        return {instance.spool_key for instance in register.quarantined}

    def refused(self, register: ReceptionRegister) -> set[str]:
        assert isinstance(register, MemoryRegistrar)
        return {item.sop_instance_uid for item in register.refused}

    def listeners(self, register: ReceptionRegister) -> list[str]:
        assert isinstance(register, MemoryRegistrar)
        return sorted({item.journal_uid for item in register.standings})

    def lose(self, register: ReceptionRegister) -> None:
        assert isinstance(register, MemoryRegistrar)
        register._instances.clear()


def test_answers_of_one_transaction_add_up() -> None:
    registrar = MemoryRegistrar()

    registrar.commitment_answered("1.2", {"1.2.3": True})
    registrar.commitment_answered("1.2", {"1.2.4": False})

    assert registrar.commitments == {"1.2": {"1.2.3": True, "1.2.4": False}}
