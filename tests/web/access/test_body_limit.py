"""How much and how slowly a stranger may send, and somebody who is known."""

from __future__ import annotations

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from trabecula.web.access.body_limit import BodyBounds, BodyLimit

BOUNDS = BodyBounds(of_a_stranger=100, at_most=1000, stranger_seconds=0.3, seconds=5.0, pause_seconds=0.2)


async def _sent(pieces: list[int], *, known: bool, pause: float = 0.0) -> tuple[int, int]:
    """Send pieces of so many bytes; return how many were taken, and how often somebody was asked for."""
    asked = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["taken"] = len(await Request(scope, receive).body())

    async def knows(scope: Scope) -> bool:
        asked.append(scope)
        return known

    left = list(pieces)

    async def receive() -> Message:
        await asyncio.sleep(pause)
        size = left.pop(0)
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(left)}

    scope: Scope = {"type": "http", "method": "POST", "headers": []}
    await BodyLimit(app, BOUNDS, knows)(scope, receive, None)  # type: ignore[arg-type]
    return scope["taken"], len(asked)


def sent(pieces: list[int], *, known: bool, pause: float = 0.0) -> tuple[int, int]:
    return asyncio.run(_sent(pieces, known=known, pause=pause))


def test_a_small_body_is_taken_from_anybody_without_asking_who_it_is() -> None:
    assert sent([60, 40], known=False) == (100, 0)


def test_a_larger_one_is_taken_from_somebody_who_is_known_and_asked_for_once() -> None:
    assert sent([60, 60, 400], known=True) == (520, 1)


@pytest.mark.parametrize(("pieces", "known"), [([60, 41], False), ([600, 401], True)])
def test_more_than_is_allowed_is_cut_off(pieces: list[int], known: bool) -> None:
    with pytest.raises(HTTPException) as refused:
        sent(pieces, known=known)
    assert refused.value.status_code == 413


def test_a_stranger_who_sends_letter_by_letter_is_cut_off() -> None:
    with pytest.raises(HTTPException) as refused:
        sent([1] * 50, known=False, pause=0.05)
    assert refused.value.status_code == 408


def test_somebody_known_may_take_longer_and_not_stop() -> None:
    assert sent([110, *[1] * 10], known=True, pause=0.05) == (120, 1)
    with pytest.raises(HTTPException) as refused:
        sent([110, 1], known=True, pause=0.25)
    assert refused.value.status_code == 408
