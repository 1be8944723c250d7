"""A small real web server on loopback: the files of OHIF, its configuration, and DICOMweb passed on to Orthanc."""

from __future__ import annotations

import http.client
import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

DICOM_WEB = "/dicom-web"
CONFIGURATION = (Path(__file__).parents[2] / "deploy" / "viewer" / "app-config.js").read_bytes()
"""The configuration that the documents recommend; the tests run OHIF with no other."""
_TYPES = {".wasm": "application/wasm", ".js": "text/javascript", ".ort": "application/octet-stream"}
_KEPT = ("content-type", "content-length", "content-encoding", "accept-ranges", "etag")


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection. ``dist`` and ``orthanc_port`` are set by the server that makes it."""

    protocol_version = "HTTP/1.1"
    dist: Path
    orthanc_port: int

    def do_GET(self) -> None:
        """Serve a file of the viewer, or pass the request on."""
        path = self.path.split("?", 1)[0]
        if path.startswith(DICOM_WEB):
            self._pass_on()
        elif path == "/app-config.js":
            self._answer(200, "text/javascript", CONFIGURATION)
        else:
            file = (self.dist / path.lstrip("/")).resolve()
            if not file.is_relative_to(self.dist) or not file.is_file():
                file = self.dist / "index.html"
            kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._answer(200, kind, file.read_bytes())

    def do_POST(self) -> None:
        """Pass a request on; the viewer only reads, but a refusal should come from the archive."""
        self._pass_on()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the browser's own log tells what failed."""

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        connection = http.client.HTTPConnection("127.0.0.1", self.orthanc_port, timeout=60)
        headers = {name: self.headers[name] for name in ("Accept", "Content-Type", "Host") if self.headers[name]}
        connection.request(self.command, self.path, self.rfile.read(length) if length else None, headers)
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in _KEPT and name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()


class ViewerServer:
    """Serves until the ``with`` block ends; ``url`` is where a browser finds the viewer."""

    def __init__(self, dist: Path, orthanc_port: int) -> None:
        handler = type("_Bound", (_Handler,), {"dist": dist.resolve(), "orthanc_port": orthanc_port})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ViewerServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
