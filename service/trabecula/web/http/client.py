"""Asking ourselves: over a Unix socket, as a supervisor asks its parts, and at the address of the desk."""

from __future__ import annotations

import http.client
import socket
import ssl
from http import HTTPStatus
from pathlib import Path

from trabecula.web.http.routes import TEXT, HttpResponse, Request

_PASSED = ("authorization",)
_TOLD = ("www-authenticate",)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def get(path: Path, resource: str, seconds: float) -> tuple[HTTPStatus, bytes]:
    """Return status and body. Raises OSError (a time-out is one), http.client.HTTPException."""
    answer = ask(path, Request(path=resource), seconds)
    return answer.status, answer.body


def ask(path: Path, request: Request, seconds: float) -> HttpResponse:
    """Pass a request on and return the answer. Raises what ``get`` raises."""
    connection = _UnixConnection(path, seconds)
    try:
        passed = {name: request.headers[name] for name in _PASSED if name in request.headers}
        connection.request("GET", request.path, headers=passed)
        answer = connection.getresponse()
        told = {name: value for name, value in answer.getheaders() if name.lower() in _TOLD}
        return HttpResponse(
            status=HTTPStatus(answer.status),
            content_type=answer.getheader("Content-Type", TEXT),
            body=answer.read(),
            headers=told,
        )
    finally:
        connection.close()


def health_answers(host: str, port: int, *, encrypted: bool, seconds: float = 5.0) -> bool:
    """Return whether /healthz of this host answers 200; whose the certificate is does not matter for that."""
    connection: http.client.HTTPConnection
    if encrypted:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
