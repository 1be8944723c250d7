"""Whether a request comes from this host: from a browser here, not through a proxy that happens to stand here."""

from __future__ import annotations

from starlette.requests import Request

from trabecula.domain.addresses import is_loopback

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""What proxies add; a request with any of these came through one, named in web_proxies or not."""


def is_from_this_host(request: Request) -> bool:
    """Return whether the address is loopback, the browser asked for this host itself, and no proxy stands between."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    return request.client is not None and is_loopback(request.client.host) and is_loopback(request.url.hostname or "")
