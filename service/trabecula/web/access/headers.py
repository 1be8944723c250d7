"""What every answer forbids the browser: scripts, styles, frames and forms from elsewhere, guessing types, keeping."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""No unsafe-anything: no inline script, no inline style, nothing from another host (CSP Level 3)."""

_ALWAYS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}
_NOT_KEPT = ("cache-control", "no-store")
_ENCRYPTED = ("strict-transport-security", "max-age=31536000")


class SecureHeaders:
    """Middleware that adds the headers to every answer. What a handler set itself about caching stays."""

    def __init__(self, app: ASGIApp, form_targets: tuple[str, ...] = ()) -> None:
        """``form_targets``: origins that a form may lead to besides ours (a sign-in that is sent on to a provider)."""
        self._app = app
        policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", " ".join(("form-action 'self'", *form_targets)))
        self._headers: Mapping[str, str] = _ALWAYS | {"content-security-policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add the headers when the answer starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = [*self._headers.items()]
                if _NOT_KEPT[0].encode() not in present:
                    added.append(_NOT_KEPT)
                if scope.get("scheme") == "https":
                    added.append(_ENCRYPTED)
                message["headers"] = [
                    *message["headers"], *((name.encode(), value.encode()) for name, value in added)
                ]  # fmt: skip
            await send(message)

        await self._app(scope, receive, sending)
