from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake.peers import pdu
from trabecula.domain.errors import PeerTooSlow, PeerViolation
from trabecula.intake.upper_layer.pdu import PduType
from trabecula.intake.upper_layer.wire import PeerGone, PeerStream


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        with near, far:
            yield near, far


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.binary(max_size=3000), min_size=1, max_size=12), cut=st.integers(1, 700))
def test_pdus_come_whole_however_they_are_cut(
    pair: tuple[socket.socket, socket.socket], bodies: list[bytes], cut: int
) -> None:
    near, far = pair
    stream = PeerStream(far, pdu_seconds=5, buffer_bytes=1024)
    data = b"".join(pdu(4, body) for body in bodies)
    sender = threading.Thread(
        target=lambda: [near.sendall(data[start : start + cut]) for start in range(0, len(data), cut)]
    )
    sender.start()

    received = [bytes(stream.read(idle_seconds=5, max_bytes=4096).body) for _ in bodies]
    sender.join()

    assert received == bodies


@pytest.mark.serial
def test_a_late_pdu(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    stream = PeerStream(far, pdu_seconds=0.3)
    near.sendall(pdu(4, b"12345")[:-1])
    began = time.monotonic()

    with pytest.raises(PeerTooSlow) as error:
        stream.read(idle_seconds=60, max_bytes=100)

    assert time.monotonic() - began < 2
    assert error.value.code == "PEER_TOO_SLOW"
    assert "did not arrive in time" in error.value.sentence
    assert "the sender must send again" in error.value.next_step


def test_silence_is_measured_between_pdus(pair: tuple[socket.socket, socket.socket]) -> None:
    stream = PeerStream(pair[1], pdu_seconds=60)

    with pytest.raises(PeerTooSlow):
        stream.read(idle_seconds=0.1, max_bytes=100)
    assert stream.quiet_since is not None


@pytest.mark.parametrize("data", [pdu(9, b""), pdu(4, bytes(101)), pdu(0, b"")])
def test_a_bad_header_is_a_violation(pair: tuple[socket.socket, socket.socket], data: bytes) -> None:
    near, far = pair
    near.sendall(data)

    with pytest.raises(PeerViolation):
        PeerStream(far, pdu_seconds=5).read(idle_seconds=5, max_bytes=100)


def test_a_closed_connection(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    near.close()

    with pytest.raises(PeerGone):
        PeerStream(far, pdu_seconds=5).read(idle_seconds=5, max_bytes=100)


def test_another_thread_can_end_the_wait(pair: tuple[socket.socket, socket.socket]) -> None:
    stream = PeerStream(pair[1], pdu_seconds=60)
    threading.Timer(0.05, stream.stop_reading).start()
    began = time.monotonic()

    with pytest.raises(PeerGone):
        stream.read(idle_seconds=60, max_bytes=100)
    assert time.monotonic() - began < 5


def test_a_read_pdu_has_its_type(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    near.sendall(pdu(5, bytes(4)))

    assert PeerStream(far, pdu_seconds=5).read(idle_seconds=5, max_bytes=100).kind is PduType.RELEASE_RQ
