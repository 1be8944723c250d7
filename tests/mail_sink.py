"""A mail server and a web server that keep what they get, as real peers of messages."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


@dataclass
class MailSink:
    """What came, and how the server answers: ``refusal`` instead of taking it."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refusal: str = ""
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        if self.refusal:
            return self.refusal
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"

    def authenticate(self, _server: object, _session: object, _envelope: object, _kind: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"correct", handled=False)

    @property
    def texts(self) -> list[str]:
        """What the mails say, with plain ends of lines."""
        return [mail.get_content().replace("\r\n", "\n") for mail in self.mails]

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]


@contextmanager
def mail_sink(port: int, tls: ssl.SSLContext | None = None, *, login: bool = False) -> Iterator[MailSink]:
    """A mail server on a port; with ``tls`` it speaks STARTTLS, with ``login`` it asks for a password."""
    sink = MailSink(port)
    controller = Controller(
        sink, hostname="127.0.0.1", port=port, tls_context=tls, require_starttls=tls is not None,
        authenticator=sink.authenticate, auth_required=login, auth_require_tls=tls is not None,
    )  # fmt: skip
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


@dataclass
class Posts:
    """What was posted, and the status it is answered with."""

    url: str = ""
    documents: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    status: int = 200


@contextmanager
def web_sink() -> Iterator[Posts]:
    """A web server that takes posts."""
    posts = Posts()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if posts.status == 200:
                posts.documents.append(json.loads(body))
                posts.keys.append(self.headers["Idempotency-Key"])
                posts.paths.append(self.path)
                posts.authorizations.append(self.headers["Authorization"])
            self.send_response(posts.status)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    posts.url = f"http://127.0.0.1:{server.server_address[1]}/hook/secret-in-the-path"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield posts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
