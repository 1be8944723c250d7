from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from tests.certificates import Authority
from tests.peers.audit.entries import SOURCE, numbered
from tests.peers.audit.rsyslog import Rsyslog, rsyslog
from tests.waiting import wait_until
from trabecula.domain.errors_of.ledger import AuditNotSent
from trabecula.peers.audit.syslog import SyslogServer, framed, lines_of, send_to_syslog
from trabecula.peers.connection import client_context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(
    tmp_path: Path, free_port: Callable[[], int], require_tool: Callable[[str], str], authority: Authority
) -> Iterator[Rsyslog]:
    with rsyslog(tmp_path, free_port(), require_tool("rsyslogd"), authority) as made:
        yield made


def client(authority: Authority, port: int, *, known: bool = True) -> SyslogServer:
    files = authority.issue("trabecula") if known else (None, None)
    return SyslogServer("127.0.0.1", port, client_context(*files, authority.certificate))


def test_rsyslog_takes_messages_over_tls_as_they_were_sent(server: Rsyslog, authority: Authority) -> None:
    entries = [numbered(1), numbered(2, who="Ünal", studies=tuple(f"{n:064x}" for n in range(55))), numbered(3)]
    server.start()

    assert send_to_syslog(client(authority, server.port), SOURCE, entries) == 3

    wait_until(lambda: len(server.received) == 3)
    for number, line in enumerate(server.received, 1):
        assert line[:6] == [
            "85", "2026-11-30T12:00:00.000005Z", "box.example", "trabecula", "DICOM+RFC3881",
            f'[meta sequenceId="{number}"]',
        ]  # fmt: skip
    whole = [fromstring(line[6].lstrip("\ufeff")) for line in server.received]
    assert [root.find("ActiveParticipant").get("UserID") for root in whole] == ["anna", "Ünal", "anna"]  # type: ignore[union-attr]
    assert len(whole[1].findall("ParticipantObjectIdentification")) == 56


def test_a_server_that_is_away_or_does_not_know_us_takes_nothing(server: Rsyslog, authority: Authority) -> None:
    with pytest.raises(AuditNotSent, match="refused"):
        send_to_syslog(client(authority, server.port), SOURCE, [numbered()])

    server.start()
    with pytest.raises(AuditNotSent):
        send_to_syslog(client(authority, server.port, known=False), SOURCE, [numbered()])
    assert server.received == []


def test_a_server_whose_certificate_is_of_another_authority_gets_nothing(server: Rsyslog, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    server.start()

    with pytest.raises(AuditNotSent, match="certificate of the other side is not accepted"):
        send_to_syslog(client(Authority(tmp_path / "other"), server.port), SOURCE, [numbered()])


def test_what_a_server_may_not_have_read_counts_as_not_taken(authority: Authority) -> None:
    """A server that drops the connection with our messages unread."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    listening = socket.create_server(("127.0.0.1", 0))

    def drop() -> None:
        plain, _ = listening.accept()
        connection = context.wrap_socket(plain, server_side=True)
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()

    dropping = threading.Thread(target=drop)
    dropping.start()
    entries = [numbered(number) for number in range(1, 500)]
    with listening, pytest.raises(AuditNotSent):
        send_to_syslog(client(authority, listening.getsockname()[1]), SOURCE, entries)
    dropping.join(10)


def test_a_line_is_framed_by_its_length_in_octets() -> None:
    (line,) = lines_of(numbered(2147483648, who="Ü"), SOURCE)

    assert line.startswith(
        b'<85>1 2026-11-30T12:00:00.000005Z box.example trabecula - DICOM+RFC3881 [meta sequenceId="1"] \xef'
    )
    assert framed(line) == f"{len(line)} ".encode() + line
    assert "é".encode() not in framed("é".encode())[:2]
