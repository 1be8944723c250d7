"""The style sheet, the script and the icons: read once, served under the hash of their bytes, kept by browsers.

Nothing is fetched from elsewhere. A changed file has a changed address, so that no browser shows an old one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PREFIX = "/assets"
_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file and the hash in its address."""

    content: bytes
    content_type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Return all files by name."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            found[path.name] = Asset(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])
    return found


def address_of(name: str) -> str:
    """Return the address of a file; KeyError for one that there is not."""
    return f"{PREFIX}/{assets()[name].digest}/{name}"


def asset(request: Request) -> Response:
    """Answer with a file; 404 under another hash."""
    found = assets().get(request.path_params["name"])
    if found is None or found.digest != request.path_params["digest"]:
        raise HTTPException(404)
    return Response(found.content, media_type=found.content_type, headers={"cache-control": _A_YEAR})
