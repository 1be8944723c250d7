"""A GET request over a Unix socket: how a supervisor asks its parts."""

from __future__ import annotations

import http.client
import socket
from http import HTTPStatus
from pathlib import Path


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
    connection = _UnixConnection(path, seconds)
    try:
        connection.request("GET", resource)
        answer = connection.getresponse()
        return HTTPStatus(answer.status), answer.read()
    finally:
        connection.close()
