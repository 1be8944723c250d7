from __future__ import annotations

import http.client
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tests.web.exposition import fetch
from trabecula.web.http import server as serving
from trabecula.web.http.client import get
from trabecula.web.http.routes import HttpResponse, Request
from trabecula.web.http.server import HttpServer


def hello(request: Request) -> HttpResponse:
    return HttpResponse.text(f"hello {request.query or request.headers['host']}")


def crash(_request: Request) -> HttpResponse:
    raise ValueError("Doe^Jane")


Start = Callable[..., str]


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that serves and returns the address once it is had."""
    started = []

    def begin(routes: dict[str, Callable[[Request], HttpResponse]] | None = None, **where: object) -> str:
        addresses: list[str] = []
        server = HttpServer(routes or {"/hello": hello, "/crash": crash}, **where)  # type: ignore[arg-type]
        server.start(addresses.append)
        started.append(server)
        wait_until(lambda: addresses)
        return addresses[0]

    yield begin
    for server in started:
        server.stop()


def test_a_path_is_answered_by_its_handler_and_others_say_what_there_is(start: Start) -> None:
    address = start()

    assert fetch(f"{address}/hello?you") == (200, "hello you\n")
    assert fetch(f"{address}/hello?you", method="HEAD") == (200, "")
    assert fetch(f"{address}/nothing") == (404, "nothing is here; there are /crash, /hello\n")
    assert fetch(f"{address}/hello", method="POST")[0] == 501


def test_answers_are_not_kept_by_whoever_carries_them(start: Start) -> None:
    connection = http.client.HTTPConnection(start().removeprefix("http://"), timeout=10)
    connection.request("GET", "/hello")
    answer = connection.getresponse()

    assert answer.getheader("Cache-Control") == "no-store"
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    connection.close()


def test_a_fault_of_one_answer_is_a_500_without_its_words(start: Start) -> None:
    address = start()

    status, body = fetch(f"{address}/crash")

    assert (status, "Doe" in body) == (500, False)
    assert fetch(f"{address}/hello?still")[0] == 200


def test_a_unix_socket_answers_the_same(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "part.sock"
    start(path=path)

    assert get(path, "/hello", 5) == (HTTPStatus.OK, b"hello localhost\n")
    assert stat.S_ISSOCK(os.stat(path).st_mode)


def test_a_taken_port_is_told_and_had_when_it_is_free(
    start: Start, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    monkeypatch.setattr(serving, "_TRY_AGAIN_SECONDS", 0.02)
    port, ready = free_port(), threading.Event()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        server = HttpServer({"/hello": hello}, port=port)
        server.start(lambda address: ready.set())
        assert not ready.wait(0.1)
    assert ready.wait(10)
    assert fetch(f"http://127.0.0.1:{port}/hello?late")[0] == 200
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_peers_that_say_nothing_hold_no_more_than_their_room(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving._Handler, "timeout", 0.5)
    address = start()
    host, port = address.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port)), timeout=5) for _ in range(serving._AT_ONCE)]
    try:
        refused = socket.create_connection((host, int(port)), timeout=5)
        assert refused.recv(1) == b""  # closed at once
        refused.close()

        def answers() -> bool:
            try:
                return fetch(f"{address}/hello?again")[0] == 200
            except OSError:
                return False

        wait_until(answers, 10)
    finally:
        for peer in silent:
            peer.close()


def test_a_server_that_is_stopped_at_once_stops() -> None:
    for _ in range(6):
        server = HttpServer({"/hello": hello})
        server.start()
        stopping = threading.Thread(target=server.stop, daemon=True)
        stopping.start()
        stopping.join(10)
        assert not stopping.is_alive()
