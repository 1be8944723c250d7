from __future__ import annotations

import contextlib
import json
import socket
import ssl
from pathlib import Path

import pytest

from tests.certificates import self_signed
from tests.intake.peers import associate_request
from tests.waiting import wait_until
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool
from trabecula.intake.tls import server_context
from trabecula.logs import configure_logging
from trabecula.testing import MemoryRegistrar


@pytest.mark.parametrize("content", [None, "this is no certificate"])
def test_an_unusable_certificate_is_a_configuration_error(tmp_path: Path, content: str | None) -> None:
    certificate = tmp_path / "certificate.pem"
    if content is not None:
        certificate.write_text(content)

    with pytest.raises(ConfigurationInvalid) as error:
        server_context(certificate, certificate)

    assert error.value.code == "CONFIGURATION_INVALID"
    assert "the TLS certificate, key or CA cannot be used" in error.value.sentence
    assert "Correct the named key" in error.value.next_step


def connect(port: int, context: ssl.SSLContext | None) -> None:
    """Shake hands, or send an association request in plain DICOM where there is no context; wait for the end."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=10)
    if context is not None:
        peer = context.wrap_socket(peer, do_handshake_on_connect=False)
    with peer, contextlib.suppress(OSError):
        peer.sendall(associate_request())
        while peer.recv(4096):
            pass


def trusting(certificate: Path, own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificate)
    if own is not None:
        context.load_cert_chain(*own)
    return context


@pytest.mark.parametrize(
    ("own", "in_words"),
    [
        ("plain", "speaks plain DICOM"),
        ("none", "shows no certificate of its own"),
        ("expired", "not accepted: certificate has expired"),
        ("stranger", "not accepted: self-signed certificate"),
    ],
)
def test_a_failed_handshake_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], own: str, in_words: str
) -> None:
    configure_logging("INFO")
    ours, expired = self_signed(tmp_path, days=30), self_signed(tmp_path, days=-1)
    (tmp_path / "other").mkdir()
    stranger = self_signed(tmp_path / "other", days=9)
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(ours[0].read_text() + expired[0].read_text())
    tls = server_context(*ours, trusted)
    listener = Listener(ListenerConfig(port=0, min_free_bytes=0, tls=tls), Spool(tmp_path / "spool"), MemoryRegistrar())
    port = listener.start()
    shown = {"none": None, "expired": expired, "stranger": stranger}

    connect(port, None if own == "plain" else trusting(ours[0], shown[own]))
    wait_until(lambda: listener.counts.totals().rejected["TLS_HANDSHAKE_FAILED"])
    listener.stop()

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (failed,) = [line for line in lines if line["event"] == "handshake.failed"]
    assert in_words in failed["reason"]
    assert (failed["code"], failed["level"], failed["address"]) == ("TLS_HANDSHAKE_FAILED", "warning", "127.0.0.1")
    assert failed["next_step"]
