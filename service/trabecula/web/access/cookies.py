"""The cookies of the desk: one for the session, one for the sign-in form before there is a session, and one
for the way to an OpenID provider and back.

Behind TLS they are ``__Host-`` cookies (RFC 6265bis, 4.1.3.2): bound to this host and to encryption. On loopback
without TLS a browser would not keep those, and nobody else can listen.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

_SECURE = "__Host-"
SESSION, BEFORE, PROVIDER = "trabecula-session", "trabecula-sign-in", "trabecula-provider"


@dataclass(frozen=True)
class Cookies:
    """Reads and writes cookies; ``secure`` where the browser reaches us through TLS."""

    secure: bool

    def read(self, request: Request, name: str) -> str:
        """Return the value, empty where there is none."""
        return request.cookies.get(self._full(name), "")

    def write(self, response: Response, name: str, value: str, *, strict: bool = False) -> None:
        """Set a cookie that ends with the browser; scripts and other sites do not get it."""
        response.set_cookie(
            self._full(name), value, secure=self.secure, httponly=True, samesite="strict" if strict else "lax", path="/"
        )

    def forget(self, response: Response, name: str) -> None:
        """Have the browser drop a cookie."""
        response.delete_cookie(self._full(name), secure=self.secure, httponly=True, samesite="lax", path="/")

    def _full(self, name: str) -> str:
        return f"{_SECURE}{name}" if self.secure else name


def cookies_of(request: Request) -> Cookies:
    """Return the cookies as this request's connection allows them."""
    return Cookies(secure=request.url.scheme == "https")
