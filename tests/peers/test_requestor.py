"""Associations we request, towards peers that stop in every phase: each wait is bounded."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders import document, image, uid
from tests.intake.peers import pdu
from tests.peers.conftest import QUICK, result_object
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import ConfigurationInvalid, DestinationUnreachable
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool
from trabecula.intake.tls import server_context
from trabecula.intake.upper_layer import pdu as codec
from trabecula.intake.upper_layer.negotiation import answer_contexts
from trabecula.peers.connection import client_context
from trabecula.peers.sender import StoreSender
from trabecula.testing import MemoryRegistrar

Script = Callable[[socket.socket], None]


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], Destination]]:
    """Return a function that starts a peer following a script over one connection."""
    threads: list[threading.Thread] = []
    servers: list[socket.socket] = []

    def begin(script: Script) -> Destination:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                script(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        threads.append(thread)
        return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=server.getsockname()[1])

    yield begin
    for thread in threads:
        thread.join(20)
    for server in servers:
        server.close()


def _until_closed(connection: socket.socket) -> None:
    """Read until the other side gives up."""
    connection.settimeout(15)
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return


def _accept(connection: socket.socket) -> None:
    header = connection.recv(6, socket.MSG_WAITALL)
    body = connection.recv(int.from_bytes(header[2:6], "big"), socket.MSG_WAITALL)
    request = codec.decode_associate_request(body)
    connection.sendall(codec.encode_accept(request, answer_contexts(request), {}, 16384, ("1.2.3", "SCRIPT")))


def _reads_no_more(connection: socket.socket) -> None:
    _accept(connection)
    time.sleep(QUICK.answer_seconds + 1.5)  # the peer under test is one that sleeps


SCRIPTS: dict[str, Script] = {
    "closes at once": lambda connection: None,
    "never answers the association request": _until_closed,
    "answers nonsense": lambda connection: (connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), _until_closed(connection))[
        1
    ],
    "stops in the middle of its answer": lambda connection: (
        connection.sendall(pdu(2, bytes(100))[:50]),
        _until_closed(connection),
    )[1],
    "accepts and then reads no more": _reads_no_more,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_peer_that_stops(scripted: Callable[[Script], Destination], name: str) -> None:
    destination = scripted(SCRIPTS[name])
    large = result_object(image(rows=2000))
    began = time.monotonic()

    with pytest.raises(DestinationUnreachable):
        StoreSender("TRABECULA", QUICK).send(destination, [large])

    assert time.monotonic() - began < 12


def test_results_over_tls_with_client_certificates(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    registrar = MemoryRegistrar()
    config = ListenerConfig(port=0, min_free_bytes=0, tls=server_context(certificate, key, client_ca=certificate))
    listener = Listener(config, Spool(tmp_path / "spool"), registrar)
    client = client_context(certificate, key, certificate)
    destination = Destination(name="pacs", ae_title="TRABECULA", host="127.0.0.1", port=listener.start())
    try:
        sender = StoreSender("TRABECULA", QUICK, {"pacs": client})
        outcomes = sender.send(destination, [result_object(image()), result_object(document())])
        with pytest.raises(DestinationUnreachable):
            StoreSender("TRABECULA", QUICK).echo(destination)  # in the clear
    finally:
        listener.stop()

    assert [each.status for each in outcomes] == [0, 0]
    assert [each.sop_instance_uid for each in registrar.instances] == [uid(1, 1, 1)]


def test_a_certificate_that_cannot_be_used_is_a_configuration_error(tmp_path: Path) -> None:
    broken = tmp_path / "certificate.pem"
    broken.write_text("not a certificate")

    with pytest.raises(ConfigurationInvalid) as caught:
        client_context(broken, broken, None)

    assert caught.value.code == "CONFIGURATION_INVALID"
    assert "TLS certificate" in caught.value.sentence
