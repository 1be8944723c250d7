"""Mail: one message to a mail server, with a time-out, its failures in our own words."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate

from trabecula.domain.errors_of.notification import MessageNotSent, SecretUnreadable
from trabecula.domain.handshake import handshake_in_words
from trabecula.domain.notification.messages import Message
from trabecula.peers.secrets import read_secret

_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A mail server, and who gets what it is given; ``security`` is starttls, tls or none."""

    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password_file: str = ""
    context: ssl.SSLContext | None = field(default=None, compare=False)
    """How its certificate is checked; None: against the authorities of this system."""

    @property
    def words(self) -> str:
        """Who is told, over which server."""
        return f"mail to {', '.join(self.recipients)} over {self.host}:{self.port}"


def send_mail(server: MailServer, message: Message, key: str) -> None:
    """Send it; ``key`` names it, so that mail programs know a repetition. Raises MessageNotSent, SecretUnreadable."""
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{key}@trabecula>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    try:
        with _connected(server) as session:
            if server.user:
                session.login(server.user, read_secret(server.password_file))
            session.send_message(mail)
    except SecretUnreadable:
        raise
    except ssl.SSLError as error:
        raise MessageNotSent(f"{server.host}:{server.port}: {handshake_in_words(error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise MessageNotSent(f"{server.host}:{server.port}: {_words(error)}") from error


def _connected(server: MailServer) -> smtplib.SMTP:
    context = server.context or ssl.create_default_context()
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=context)
    session = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
    if server.security == "starttls":
        with contextlib.ExitStack() as unsecured:
            unsecured.callback(session.close)
            session.starttls(context=context)
            unsecured.pop_all()
    return session


def _words(error: OSError | smtplib.SMTPException) -> str:
    """Return what went wrong; of an answer of the server its code alone, since its words may repeat ours."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it refused {len(error.recipients)} recipients"
    if isinstance(error, smtplib.SMTPException):
        return type(error).__name__
    return error.strerror or type(error).__name__
