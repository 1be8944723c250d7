"""Messages over a real mail server and a real web server: what arrives, and what every failure is called."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import self_signed
from tests.mail_sink import mail_sink, web_sink
from trabecula.domain.errors_of.notification import MessageNotSent, SecretUnreadable
from trabecula.domain.notification.messages import message_for_a_test
from trabecula.peers.mail import MailServer, send_mail
from trabecula.peers.webhook import Webhook, post_message

MESSAGE = message_for_a_test("HOSPITAL")
Port = Callable[[], int]


def server(port: int, **changes: object) -> MailServer:
    options = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "t@x.example",
        "recipients": ("a@x.example", "b@x.example"),
    }
    return MailServer(**(options | changes))  # type: ignore[arg-type]


def tls_of(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side, and a client's that trusts its certificate."""
    certificate, key = self_signed(folder, days=9)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    theirs = ssl.create_default_context(cafile=str(certificate))
    theirs.check_hostname = False
    return ours, theirs


def test_a_mail_arrives_at_everybody(free_port: Port) -> None:
    with mail_sink(free_port()) as sink:
        send_mail(server(sink.port), MESSAGE, "news-1")

    (mail,) = sink.mails
    assert (mail["Subject"], mail["From"], mail["To"]) == (MESSAGE.subject, "t@x.example", "a@x.example, b@x.example")
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<news-1@trabecula>", "auto-generated")
    assert MESSAGE.text in sink.texts[0]


def test_starttls_and_a_password_from_a_file(free_port: Port, tmp_path: Path) -> None:
    ours, theirs = tls_of(tmp_path)
    secret = tmp_path / "password"
    secret.write_text("correct\n")
    with mail_sink(free_port(), ours, login=True) as sink:
        whole = server(sink.port, security="starttls", user="trabecula", password_file=str(secret), context=theirs)
        send_mail(whole, MESSAGE, "news-1")
        secret.write_text("wrong")
        with pytest.raises(MessageNotSent, match="it answered 535"):
            send_mail(whole, MESSAGE, "news-2")
        secret.unlink()
        with pytest.raises(SecretUnreadable, match="No such file"):
            send_mail(whole, MESSAGE, "news-3")

    assert len(sink.mails) == 1
    assert set(sink.logins) == {("trabecula", "correct"), ("trabecula", "wrong")}


def test_a_mail_server_that_is_not_to_be_trusted_gets_nothing(free_port: Port, tmp_path: Path) -> None:
    ours, _ = tls_of(tmp_path)
    with mail_sink(free_port(), ours) as sink, pytest.raises(MessageNotSent, match="self-signed certificate"):
        send_mail(server(sink.port, security="starttls"), MESSAGE, "news-1")

    assert sink.mails == []


def test_what_a_mail_server_refuses_and_one_that_is_not_there(free_port: Port) -> None:
    with mail_sink(free_port()) as sink:
        sink.refusal = "554 no, because of Doe^Jane"
        with pytest.raises(MessageNotSent) as refused:
            send_mail(server(sink.port), MESSAGE, "news-1")
        with pytest.raises(MessageNotSent, match="SMTPNotSupportedError"):
            send_mail(server(sink.port, security="starttls"), MESSAGE, "news-1")
    with pytest.raises(MessageNotSent, match="Connection refused"):
        send_mail(server(free_port()), MESSAGE, "news-1")

    assert "it answered 554" in refused.value.sentence
    assert "Doe" not in refused.value.sentence


def test_a_webhook_gets_the_message_as_json() -> None:
    with web_sink() as posts:
        post_message(Webhook(posts.url), MESSAGE, "news-1")

    assert posts.documents == [{"kind": "TEST", "subject": MESSAGE.subject, "text": MESSAGE.text}]
    assert posts.keys == ["news-1"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_take_it(status: int) -> None:
    with web_sink() as posts:
        posts.status = status
        with pytest.raises(MessageNotSent) as refused:
            post_message(Webhook(posts.url), MESSAGE, "news-1")

    assert f"answered {status}" in refused.value.sentence
    assert "secret-in-the-path" not in refused.value.sentence


def test_a_webhook_that_is_not_there(free_port: Port) -> None:
    with pytest.raises(MessageNotSent, match=r"webhook at http://127\.0\.0\.1: Connection refused"):
        post_message(Webhook(f"http://127.0.0.1:{free_port()}/secret"), MESSAGE, "news-1")
