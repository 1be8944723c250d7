"""The dialogue of one association under damaged byte streams: it ends in a known way, whatever comes."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import encoded, image
from tests.intake.peers import associate_request, command_set, pdu, value
from trabecula.domain.errors import PeerTooSlow, PeerViolation
from trabecula.intake.admission import Admission, DiskWatermark
from trabecula.intake.association import AcceptedAssociation, Limits
from trabecula.intake.storage.service import StoreService
from trabecula.intake.storage.spool import Spool
from trabecula.intake.upper_layer.wire import PeerGone, PeerStream
from trabecula.testing import MemoryRegistrar

LIMITS = Limits(association_seconds=2, idle_seconds=2, pdu_seconds=2, max_instance_bytes=1 << 20)
DIALOGUE = (
    associate_request()
    + pdu(4, value(3, 3, command_set(0x30, sop_class="1.2.840.10008.1.1", sop_instance="", data_set=False)))
    + pdu(4, value(1, 3, command_set(1, sop_instance="1.2.826.0.1.3680043.8.498.77.1.1.1")))
    + pdu(4, value(1, 0, encoded(image(rows=4))[:200]) + value(1, 2, encoded(image(rows=4))[200:]))
    + pdu(5, bytes(4))
)


@pytest.fixture
def service(tmp_path: Path) -> StoreService:
    spool = Spool(tmp_path / "spool")
    return StoreService(spool, MemoryRegistrar(), DiskWatermark(spool.free_bytes, 0))


def _converse(service: StoreService, data: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        near.sendall(data)
        near.shutdown(socket.SHUT_WR)
        stream = PeerStream(far, pdu_seconds=2)
        admission = Admission("TRABECULA", frozenset(), anybody=True)
        AcceptedAssociation(stream, service, admission, LIMITS, "a1").run(over_limit=False)


def test_the_undamaged_dialogue_ends_with_one_instance(service: StoreService) -> None:
    _converse(service, DIALOGUE)

    assert isinstance(service.registrar, MemoryRegistrar)
    assert len(service.registrar.instances) == 1


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_dialogues_end_in_a_known_way(service: StoreService, data: st.DataObject) -> None:
    content = bytearray(DIALOGUE)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(1, len(content))))

    with contextlib.suppress(PeerViolation, PeerTooSlow, PeerGone, OSError):
        _converse(service, bytes(content[:cut]))

    assert list((service.spool.root / "incoming").iterdir()) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=500))
def test_noise_after_the_association_ends_in_a_known_way(service: StoreService, noise: bytes) -> None:
    with contextlib.suppress(PeerViolation, PeerTooSlow, PeerGone, OSError):
        _converse(service, associate_request() + noise)

    assert list((service.spool.root / "incoming").iterdir()) == []
