"""Nothing but health and metrics is answered to another host that does not speak through TLS.

``web_proxies`` says that a proxy encrypts; who goes around it, or through one that does not encrypt, would send a
password as it is.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from trabecula.domain.addresses import is_loopback
from trabecula.domain.errors_of.provider import ConnectionUnencrypted

_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})


class EncryptedOnly:
    """Application around the desk, inside of what believes proxies; answers 403 where nothing encrypts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it before anything of it is read."""
        if scope["type"] != "http" or scope["scheme"] == "https" or scope["path"] in _OPEN or _is_here(scope):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(f"{ConnectionUnencrypted()}\n", 403, {"connection": "close"})
        await refusal(scope, receive, send)


def _is_here(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and is_loopback(client[0])
