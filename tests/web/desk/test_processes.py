"""``trabecula web`` as a process of its own on a PostgreSQL of others: TLS, named proxies, and what it refuses."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.certificates import self_signed
from tests.web.desk.conftest import PASSWORD, Desk
from trabecula.cli.doctor import checks
from trabecula.cli.doctor.ledger_look import LedgerLook
from trabecula.settings import load_settings

pytestmark = pytest.mark.system

PROXY, ANYBODY = "127.0.0.2", "127.0.0.3"
"""Addresses of this host from which a proxy and somebody else connect."""


def command(name: str) -> list[str]:
    return [sys.executable, "-m", "trabecula", name]


def environment(tmp_path: Path, **settings: object) -> dict[str, str]:
    ours = {f"TRABECULA_{key.upper()}": str(value) for key, value in settings.items()}
    return os.environ | {"TRABECULA_DATA_DIR": str(tmp_path / "data"), "TRABECULA_WEB_PORT": "0"} | ours


@contextmanager
def running_web(tmp_path: Path, **settings: object) -> Iterator[str]:
    """Run it until it answers; give its address. It ends with 0 when it is told to."""
    with subprocess.Popen(
        command("web"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(tmp_path, **settings),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("web ready: "), line
            yield line.removeprefix("web ready: ").strip()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0


def asked(
    address: str, method: str, path: str, *, source: str = "127.0.0.1", headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None, context: ssl.SSLContext | None = None,
) -> tuple[int, http.client.HTTPMessage, str]:  # fmt: skip
    """Send one request from an address of this host."""
    parts = urlsplit(address)
    from_here = (source, 0)
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, source_address=from_here, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=20, source_address=from_here)
    )
    body = urlencode(form) if form is not None else None
    kind = {"content-type": "application/x-www-form-urlencoded"} if form is not None else {}
    try:
        connection.request(method, path, body, (headers or {}) | kind)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def tried(address: str, password: str = PASSWORD, **how: object) -> tuple[int, list[str]]:
    """Sign in as ann; return the status and the cookies."""
    _, told, page = asked(address, "GET", "/sign-in", **how)
    secret = re.search(r'name="form_secret" value="([0-9a-f]+)"', page)
    assert secret, page
    cookie = told["set-cookie"].partition(";")[0]
    headers = {"cookie": cookie} | dict(how.pop("headers", {}))
    form = {"form_secret": secret[1], "account": "ann", "password": password}
    status, answer, _ = asked(address, "POST", "/sign-in", headers=headers, form=form, **how)
    return status, answer.get_all("set-cookie") or []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_with_a_certificate_of_its_own_it_speaks_https_alone(desk: Desk, tmp_path: Path) -> None:
    desk.account("ann", "viewer")
    certificate, key = self_signed(tmp_path, days=90)
    trusting = ssl._create_unverified_context()
    old = ssl._create_unverified_context()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with running_web(tmp_path, web_tls_certificate=certificate, web_tls_key=key) as address:
        port = urlsplit(address).port
        status, told, _ = asked(address, "GET", "/sign-in", context=trusting)
        signed_in, cookies = tried(address, context=trusting)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            asked(f"http://127.0.0.1:{port}", "GET", "/sign-in")
        with pytest.raises(ssl.SSLError):
            asked(address, "GET", "/sign-in", context=old)
        large, _, _ = asked(address, "POST", "/sign-in", form={"x": "x" * 20_000}, context=trusting)
        settings = load_settings(web_port=port, web_tls_certificate=certificate, web_tls_key=key)
        with LedgerLook(settings) as look:
            found = next(check for check in checks.checks_of(settings, look) if check.name == "desk").find()

    assert address.startswith("https://")
    assert status == 200
    assert told["strict-transport-security"] == "max-age=31536000"
    assert signed_in == 303
    assert any(line.startswith("__Host-trabecula-session=") and "Secure" in line for line in cookies)
    assert large == 413
    assert (found.ok, found.detail) == (True, f"{address} answers, its certificate holds for 90 days")


def test_what_a_named_proxy_tells_is_believed_and_of_nobody_else(desk: Desk, tmp_path: Path) -> None:
    desk.account("ann", "viewer")
    told = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "host": "desk.hospital.example"}
    with running_web(tmp_path, web_proxies=PROXY) as address:
        by_proxy = tried(address, source=PROXY, headers=told)
        by_anybody = tried(address, source=ANYBODY, headers=told)
        failed = [tried(address, "wrong", source=PROXY, headers=told)[0] for _ in range(6)]
        elsewhere = tried(address, source=PROXY, headers=told | {"x-forwarded-for": "203.0.113.8"})
        forged = tried(address, source=ANYBODY, headers=told)
        plain = asked(address, "GET", "/sign-in", source=PROXY, headers=told | {"x-forwarded-proto": "http"})
        health = asked(address, "GET", "/healthz", source=PROXY, headers=told | {"x-forwarded-proto": "http"})
    with desk.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT action, address FROM audit_entries ORDER BY id").all()

    assert by_proxy[0] == by_anybody[0] == elsewhere[0] == forged[0] == 303
    assert any(line.startswith("__Host-") for line in by_proxy[1])
    assert not any(line.startswith("__Host-") for line in by_anybody[1])
    assert [tuple(row) for row in rows][:3] == [
        ("SIGNED_IN", "203.0.113.7"), ("SIGNED_IN", ANYBODY), ("SIGN_IN_REFUSED", "203.0.113.7")
    ]  # fmt: skip
    assert failed == [401] * 5 + [429]
    assert (plain[0], "CONNECTION_UNENCRYPTED" in plain[2]) == (403, True)
    assert health[0] == 200


@pytest.mark.parametrize(
    ("name", "settings", "code", "exit_code"),
    [
        ("web", {"web_host": "0.0.0.0"}, "DESK_EXPOSED", 78),
        ("serve", {"web_host": "0.0.0.0"}, "DESK_EXPOSED", 2),
        ("web", {"web_tls_certificate": "90.pem", "web_tls_key": "5.key"}, "CONFIGURATION_INVALID", 78),
    ],
)
def test_it_does_not_start_exposed_or_with_a_key_of_another_certificate(
    desk: Desk, tmp_path: Path, name: str, settings: dict[str, str], code: str, exit_code: int,
    free_port: Callable[[], int],
) -> None:  # fmt: skip
    for days in (5, 90):
        self_signed(tmp_path, days)
    ours = environment(tmp_path, dicom_port=free_port(), **settings)
    ended = subprocess.run(
        command(name), capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=ours
    )

    assert ended.returncode == exit_code, ended.stderr
    assert code in ended.stderr
    assert "ready" not in ended.stdout


def test_a_port_that_is_taken_is_told_and_had_when_it_is_free(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    import threading

    from trabecula.bootstrap.desk import serving as building

    monkeypatch.setattr(building, "_TRY_AGAIN_SECONDS", 0.1)
    port, ready, addresses = free_port(), threading.Event(), []
    server = building.DeskServer(load_settings(web_port=port), desk.parts, {})
    with socket.create_server(("127.0.0.1", port)):
        server.start(lambda address: (addresses.append(address), ready.set()))
        taken = ready.wait(0.5)
    try:
        assert not taken
        assert ready.wait(10)
        assert addresses == [f"http://127.0.0.1:{port}"]
        assert asked(addresses[0], "GET", "/sign-in")[0] == 200
    finally:
        server.stop()


def test_a_connection_whose_request_does_not_come_is_closed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from trabecula.bootstrap.desk.serving import DeskServer
    from trabecula.web.http.patience import PatientProtocol

    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.5)
    ready, addresses = threading.Event(), []
    server = DeskServer(load_settings(web_port=0), desk.parts, {})
    server.start(lambda address: (addresses.append(address), ready.set()))
    try:
        assert ready.wait(10)
        port = urlsplit(addresses[0]).port
        with socket.create_connection(("127.0.0.1", port), timeout=10) as silent:
            assert silent.recv(1) == b""
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(b"GET /sign-in HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert slow.recv(1) == b""
        with socket.create_connection(("127.0.0.1", port), timeout=10) as steady:
            for _ in range(2):  # the second request on one connection comes late, and whole
                steady.sendall(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n")
                assert steady.recv(4096).startswith(b"HTTP/1.1 301")
                threading.Event().wait(0.7)
    finally:
        server.stop()
