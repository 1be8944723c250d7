"""Requests that another site's page made a browser send: told by where the browser says they come from, and by a secret
that only our own pages hold (OWASP Cross-Site Request Forgery Prevention)."""

from __future__ import annotations

from starlette.requests import Request

from trabecula.domain.errors_of.access import RequestForged
from trabecula.web.access.secrets_kept import is_same

FIELD = "form_secret"
HEADER = "x-form-secret"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})


def check_origin(request: Request) -> None:
    """Raises RequestForged where the browser says that another site sent it (Fetch Metadata, else Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in _OURS:
            raise RequestForged(f"Sec-Fetch-Site is {site[:20]}")
        return
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.url.netloc}":
        raise RequestForged("Origin is another site")


def check_form(shown: str, expected: str) -> None:
    """Raises RequestForged where a form does not carry the secret of its session."""
    if not expected or not is_same(shown, expected):
        raise RequestForged("the form is of another session")
