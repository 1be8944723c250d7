from __future__ import annotations

import pytest

from tests.contracts.registrar import RegistrarContract
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


def test_answers_of_one_transaction_add_up() -> None:
    registrar = MemoryRegistrar()

    registrar.commitment_answered("1.2", {"1.2.3": True})
    registrar.commitment_answered("1.2", {"1.2.4": False})

    assert registrar.commitments == {"1.2": {"1.2.3": True, "1.2.4": False}}
