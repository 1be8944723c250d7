"""The server: a thread that accepts, a bounded number of threads that answer; on a TCP port or a Unix socket."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import structlog

from trabecula.version import __version__
from trabecula.web.http.routes import HttpResponse, Request, Routes, answer_of

_AT_ONCE = 16
"""Requests that are answered at once; more connections than these are closed."""
_PEER_SECONDS = 10.0
_LOOK_SECONDS = 0.5
_TRY_AGAIN_SECONDS = 30.0

log = structlog.get_logger(__name__)


class _Handler(BaseHTTPRequestHandler):
    """One connection: one request, one answer."""

    protocol_version = "HTTP/1.0"
    server_version = f"trabecula/{__version__}"
    sys_version = ""
    timeout = _PEER_SECONDS
    server: _Serving

    def do_GET(self) -> None:
        """Answer with a body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = answer_of(self.server.routes, Request(path=path, query=query, headers=headers))
        except Exception:
            # The edge of a web request: whatever is wrong with one answer, the next one is another.
            log.exception("request.crashed", path=path)
            answer = HttpResponse.text("this went wrong; see the log", HTTPStatus.INTERNAL_SERVER_ERROR)
        self.send_response(answer.status)
        fixed = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        guards = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        for name, value in (fixed | guards | dict(answer.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a monitor asks several times a minute."""


class _Serving(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, address: Any, family: socket.AddressFamily, routes: Routes) -> None:
        self.address_family = family
        self.routes = routes
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, or close the connection where too many are answered already."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that left or stopped in the middle is nobody's business."""


class HttpServer:
    """Serves routes on a host and port, or on a Unix socket, until it is stopped.

    A port that is taken does not stop what the process is there for: it is told and tried again.
    """

    def __init__(self, routes: Routes, *, host: str = "127.0.0.1", port: int = 0, path: Path | None = None) -> None:
        """Take ``path`` for a Unix socket, else host and port; port 0 lets the system choose."""
        self._routes = routes
        self._host, self._port, self._path = host, port, path
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._serving: _Serving | None = None
        self._thread: threading.Thread | None = None

    def start(self, on_ready: Callable[[str], None] = lambda address: None) -> None:
        """Serve from now on, or from when the address is free; then ``on_ready`` gets the address."""
        self._thread = threading.Thread(target=self._run, args=(on_ready,), name="http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        with self._lock:
            self._ended.set()
        if self._serving is not None:
            self._serving.shutdown()
        if self._thread is not None:
            self._thread.join()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _run(self, on_ready: Callable[[str], None]) -> None:
        told = False
        while not self._ended.is_set():
            try:
                serving = self._bound()
            except OSError as error:
                if not told:
                    where = str(self._path or f"{self._host}:{self._port}")
                    log.error("web.refused", address=where, reason=error.strerror, again_every_s=_TRY_AGAIN_SECONDS)
                told = True
                self._ended.wait(_TRY_AGAIN_SECONDS)
                continue
            with serving:
                with self._lock:
                    if self._ended.is_set():
                        return
                    self._serving = serving  # from now on stop() waits for serve_forever, which therefore must run
                on_ready(self._shown(serving))
                serving.serve_forever(_LOOK_SECONDS)
            return

    def _bound(self) -> _Serving:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            return _Serving(str(self._path), socket.AF_UNIX, self._routes)
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        return _Serving((self._host, self._port), family, self._routes)

    def _shown(self, serving: _Serving) -> str:
        if self._path is not None:
            return str(self._path)
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{serving.socket.getsockname()[1]}"
