"""A webhook: one message as JSON to a URL by POST, its failures in our own words."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from trabecula.domain.errors_of.notification import MessageNotSent
from trabecula.domain.handshake import handshake_in_words
from trabecula.domain.notification.messages import Message
from trabecula.version import __version__

_SECONDS = 20.0


@dataclass(frozen=True)
class Webhook:
    """Where messages are posted; the URL may hold a secret and is shown as its host alone."""

    url: str

    @property
    def words(self) -> str:
        """Who is told."""
        parts = urlsplit(self.url)
        return f"webhook at {parts.scheme}://{parts.hostname}"


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: a message goes where the settings say."""

    def redirect_request(self, *_arguments: object) -> None:
        """Refuse."""
        return


def post_message(webhook: Webhook, message: Message, key: str) -> None:
    """Post it; ``key`` names it (Idempotency-Key). Raises MessageNotSent."""
    request = urllib.request.Request(  # noqa: S310 - the settings allow http and https alone
        webhook.url,
        data=json.dumps(message.document()).encode(),
        headers={
            "Content-Type": "application/json",
            "User-Agent": f"trabecula/{__version__}",
            "Idempotency-Key": key,
        },
        method="POST",
    )
    where = webhook.words
    try:
        with urllib.request.build_opener(_Staying).open(request, timeout=_SECONDS):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise MessageNotSent(f"{where} answered {error.code}") from error
    except urllib.error.URLError as error:
        raise MessageNotSent(f"{where}: {_words(error.reason)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise MessageNotSent(f"{where}: {_words(error)}") from error


def _words(reason: object) -> str:
    if isinstance(reason, ssl.SSLError):
        return handshake_in_words(reason)
    return (isinstance(reason, OSError) and reason.strerror) or type(reason).__name__
