"""Requests, answers, and which handler answers which path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A GET or HEAD request; names of headers are in lower case."""

    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """An answer and its body."""

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, text: str, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
        """Return an answer of one plain line."""
        return cls(status=status, body=f"{text}\n".encode())

    @classmethod
    def json(cls, document: Any, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
        """Return an answer of one JSON document."""
        return cls(status=status, content_type=JSON, body=json.dumps(document, indent=2).encode() + b"\n")


Handler = Callable[[Request], HttpResponse]
Routes = Mapping[str, Handler]
"""From a path to what answers it."""


def answer_of(routes: Routes, request: Request) -> HttpResponse:
    """Return what the handler of the path answers; 404 names the paths there are."""
    handler = routes.get(request.path)
    if handler is None:
        return HttpResponse.text(f"nothing is here; there are {', '.join(sorted(routes))}", HTTPStatus.NOT_FOUND)
    return handler(request)
