"""Whether a process can do its work: named checks, each with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from trabecula.web.http.routes import HttpResponse


class NotReady(Exception):
    """This is missing; the text is a sentence for people."""


@dataclass(frozen=True)
class ReadyCheck:
    """A named check; ``look`` returns what it found, or raises NotReady. Both within a second or two."""

    name: str
    look: Callable[[], str]

    def find(self) -> dict[str, Any]:
        """Return name, whether it is ok, and what was found."""
        try:
            return {"name": self.name, "ok": True, "detail": self.look()}
        except NotReady as missing:
            return {"name": self.name, "ok": False, "detail": str(missing)}


def readiness_answer(checks: Sequence[ReadyCheck]) -> HttpResponse:
    """Return 200 where every check is ok, else 503; the body names each."""
    found = [check.find() for check in checks]
    ready = all(item["ok"] for item in found)
    return HttpResponse.json(
        {"ready": ready, "checks": found}, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    )
