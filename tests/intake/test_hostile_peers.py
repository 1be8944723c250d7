"""Every way in which a peer can misbehave: it is cut off in time, costs little, and harms nobody else."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import encoded, image, uid
from tests.intake.conftest import QUICK, Running
from tests.intake.peers import RawPeer, associate_request, command_set, item, pdu, value
from tests.waiting import wait_until
from trabecula.intake.tls import server_context

ABORT = 7
CLOSED = 0


def _unhurt(running: Running) -> None:
    """A well-behaved peer is still served, and nothing of the bad one is left."""
    with RawPeer(running.port) as peer:
        peer.associate()
        assert peer.echo() == 0
        assert peer.store(encoded(image()), sop_instance=uid(1, 1, 1)) == 0
        peer.release()
    wait_until(lambda: running.listener.open_associations == 0)
    assert running.left_aside() == []
    assert len(running.registrar.instances) == 1


BEFORE_ASSOCIATION = {
    "silence": b"",
    "half a PDU header": b"\x01\x00\x00",
    "a PDU that stalls": associate_request()[:50],
    "an A-ASSOCIATE of 4 GiB": struct.pack(">BxL", 1, 0xFFFFFFFF) + b"x" * 1000,
    "an unknown PDU type": pdu(9, b"1234"),
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "data before association": pdu(4, value(1, 3, command_set(1))),
    "a short association request": pdu(1, b"\0" * 20),
    "no presentation context": associate_request(()),
    "129 presentation contexts": associate_request([(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))] * 129),
    "an item longer than its PDU": pdu(1, struct.pack(">H66x", 1) + struct.pack(">BxH", 0x10, 9999) + b"1.2"),
    "a cut item header": pdu(1, struct.pack(">H66x", 1) + b"\x10"),
}


@pytest.mark.serial
@pytest.mark.parametrize("name", BEFORE_ASSOCIATION)
def test_before_the_association(start: Callable[..., Running], name: str) -> None:
    running = start(limits=QUICK)
    with RawPeer(running.port) as peer:
        began = time.monotonic()
        peer.send(BEFORE_ASSOCIATION[name])
        kind, _ = peer.receive()

        assert kind in (ABORT, CLOSED)
        assert time.monotonic() - began < 4
    _unhurt(running)


IN_ASSOCIATION = {
    "a PDU of 256 MiB": struct.pack(">BxL", 4, 256 << 20) + b"x" * 1000,
    "a PDU that stalls": pdu(4, value(1, 3, command_set(1)))[:40],
    "a message that stalls": pdu(4, value(1, 3, command_set(1))),
    "an unknown presentation context": pdu(4, value(77, 3, command_set(1))),
    "a data set before its command": pdu(4, value(1, 2, b"data")),
    "a second command in a message": pdu(4, value(1, 3, command_set(1)) + value(1, 3, command_set(1))),
    "a change of context in a message": pdu(4, value(1, 3, command_set(1)) + value(3, 2, b"data")),
    "a value longer than its PDU": pdu(4, struct.pack(">LBB", 5000, 1, 3)),
    "a value of no length": pdu(4, struct.pack(">LBB", 0, 1, 3)),
    "a cut value": pdu(4, b"\0\0"),
    "a command of another group": pdu(4, value(1, 3, struct.pack("<HHL", 8, 16, 0))),
    "a cut command": pdu(4, value(1, 3, command_set(1)[:-3])),
    "a command without a field": pdu(4, value(1, 3, b"")),
    "a second association request": associate_request(),
    "an answer nobody asked for": pdu(2, bytes(68)),
}


@pytest.mark.serial
@pytest.mark.parametrize("name", IN_ASSOCIATION)
def test_in_the_association(start: Callable[..., Running], name: str) -> None:
    running = start(limits=QUICK)
    with RawPeer(running.port) as peer:
        peer.associate()
        began = time.monotonic()
        peer.send(IN_ASSOCIATION[name])
        kind, _ = peer.receive()

        assert kind == ABORT
        assert time.monotonic() - began < 4
    _unhurt(running)


@pytest.mark.serial
def test_a_peer_that_drips_bytes_does_not_get_more_time(start: Callable[..., Running]) -> None:
    running = start(limits=QUICK)
    with RawPeer(running.port) as peer:
        peer.socket.settimeout(0.1)
        began = time.monotonic()
        kind = -1
        peer.send(struct.pack(">BxL", 1, 100_000))
        while kind < 0 and time.monotonic() - began < 10:
            try:
                kind = (peer.socket.recv(1) or b"\0")[0]
            except TimeoutError:
                peer.send(b"x")

        assert kind in (ABORT, CLOSED)
        assert time.monotonic() - began < 3
    _unhurt(running)


def test_an_endless_data_set_ends_at_the_byte_cap(start: Callable[..., Running]) -> None:
    running = start(limits=replace(QUICK, max_instance_bytes=1 << 20))
    with RawPeer(running.port) as peer:
        peer.associate()
        peer.send(pdu(4, value(1, 3, command_set(1))))
        sent = _send_until_cut_off(peer, pdu(4, value(1, 0, bytes(16000))), most=1 << 28)
    assert sent < 1 << 26
    _unhurt(running)


def test_an_endless_command_set_ends_at_its_cap(start: Callable[..., Running]) -> None:
    running = start(limits=QUICK)
    with RawPeer(running.port) as peer:
        peer.associate()
        peer.send(pdu(4, value(1, 1, bytes(60000))) * 2)

        assert peer.receive()[0] == ABORT
    _unhurt(running)


def test_a_peer_that_never_reads_does_not_hold_a_thread(start: Callable[..., Running]) -> None:
    running = start(limits=QUICK)
    with RawPeer(running.port) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.associate()
        echo = pdu(4, value(3, 3, command_set(0x30, sop_class="1.2.840.10008.1.1", sop_instance="", data_set=False)))
        peer.socket.settimeout(20)  # a starved listener must not look like one that stopped reading
        assert _send_until_cut_off(peer, echo, most=1 << 28) < 1 << 28
        wait_until(lambda: running.listener.open_associations == 0)
    _unhurt(running)


def test_huge_announcements_cost_no_memory(start: Callable[..., Running]) -> None:
    running = start(limits=QUICK, max_associations=64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peers = [RawPeer(running.port) for _ in range(50)]
    for number, peer in enumerate(peers):
        peer.send(struct.pack(">BxL", 1, 0xFFFFFFFF if number % 2 else 1 << 20) + bytes(1000))
    wait_until(lambda: running.listener.open_associations == 0)
    for peer in peers:
        peer.socket.close()

    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 200 * 1024
    _unhurt(running)


def test_a_silent_peer_on_a_tls_listener_locks_nobody_out(start: Callable[..., Running], tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    running = start(limits=QUICK, tls=server_context(certificate, key))
    client = ssl.create_default_context(cafile=str(certificate))
    client.check_hostname = False
    with RawPeer(running.port) as silent:
        with RawPeer(running.port, client) as peer:
            peer.associate()
            assert peer.echo() == 0
            assert peer.store(encoded(image()), sop_instance=uid(1, 1, 1)) == 0
            peer.release()

        assert silent.receive()[0] == CLOSED
    wait_until(lambda: running.listener.open_associations == 0)


def test_a_tls_listener_takes_no_plain_text_and_demands_the_client_certificate(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    certificate, key = _certificate(tmp_path)
    running = start(limits=QUICK, tls=server_context(certificate, key, client_ca=certificate))
    anonymous = ssl.create_default_context(cafile=str(certificate))
    anonymous.check_hostname = False
    known = ssl.create_default_context(cafile=str(certificate))
    known.check_hostname = False
    known.load_cert_chain(certificate, key)

    with RawPeer(running.port) as plain:
        plain.send(associate_request())
        assert plain.receive()[0] != 2
    # TLS 1.3: the client learns of the missing certificate only after its own handshake.
    refused = pytest.raises(OSError, match=r"certificate required|EOF|reset|Broken pipe")
    with RawPeer(running.port, anonymous) as peer, refused:
        _request(peer)
    with RawPeer(running.port, known) as peer:
        peer.associate()
        peer.release()


def test_drain_under_tls_aborts_through_the_tunnel(start: Callable[..., Running], tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    running = start(tls=server_context(certificate, key))
    client = ssl.create_default_context(cafile=str(certificate))
    client.check_hostname = False
    with RawPeer(running.port, client) as peer:
        peer.associate()
        running.listener.stop()
        assert peer.receive()[0] == ABORT


def test_sigterm_ends_a_process_whose_peers_are_stalled(tmp_path: Path) -> None:
    script = Path(__file__).with_name("listening_process.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "spool"), str(tmp_path / "rows")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(script.parents[2])},
    )
    assert process.stdout is not None
    with process, process.stdout as output:
        port = int(output.readline())
        with RawPeer(port) as half, RawPeer(port) as stalled:
            half.send(b"\x01\x00")
            stalled.associate()
            stalled.send(IN_ASSOCIATION["a PDU that stalls"])
            process.send_signal(signal.SIGTERM)

            assert process.wait(15) == 0


def _request(peer: RawPeer) -> None:
    peer.send(associate_request())
    peer.receive()


def _send_until_cut_off(peer: RawPeer, data: bytes, most: int) -> int:
    """Send the same again and again until the connection breaks or stalls; return the bytes that went out."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < most:
            peer.send(data)
            sent += len(data)
    return sent


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def test_the_helper_builds_what_the_standard_says() -> None:
    # PS3.8 table 9-11: type, reserved, length of what follows
    assert pdu(5, bytes(4)) == bytes.fromhex("05000000000400000000")
    assert item(0x51, bytes(4)) == bytes.fromhex("5100000400000000")
