"""A bound on what a request may carry and how long it may take, counted as it comes.

Nobody fills the memory with one form, and a stranger sends no more than the sign-in form and no slower than a person on
a bad line would. Who is known is asked only where a request is larger than a stranger's may be.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, kw_only=True)
class BodyBounds:
    """Bytes of a body and seconds until it is here; of a stranger, and of somebody who is known."""

    of_a_stranger: int = 16 * 1024
    """The sign-in form has four fields of at most 1,024 characters, escaped at most thrice as long."""
    at_most: int = 64 * 1024 * 1024
    stranger_seconds: float = 20.0
    seconds: float = 600.0
    pause_seconds: float = 20.0
    """The longest between two pieces of a body."""


class BodyLimit:
    """Middleware that ends a request with 413 where its body is too long, with 408 where it takes too long."""

    def __init__(self, app: ASGIApp, bounds: BodyBounds, knows: Callable[[Scope], Awaitable[bool]]) -> None:
        """``knows`` says whether a request comes from somebody who is signed in or shows a token that is good."""
        self._app = app
        self._bounds = bounds
        self._knows = knows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self._bounds, lambda: self._knows(scope), receive)
        await self._app(scope, body.receive, send)


class _Body:
    """The body of one request as it comes."""

    def __init__(self, bounds: BodyBounds, knows: Callable[[], Awaitable[bool]], receive: Receive) -> None:
        self._bounds, self._knows, self._receive = bounds, knows, receive
        self._began = time.monotonic()
        self._taken = 0
        self._is_known = False
        self._is_whole = False

    async def receive(self) -> Message:
        """Return the next message. Raises HTTPException 413 or 408."""
        if self._is_whole:  # what is awaited now is that the browser goes away
            return await self._receive()
        try:
            async with asyncio.timeout(self._left()):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, "The request took too long") from error
        self._taken += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        await self._check_length()
        return message

    def _left(self) -> float:
        bounds = self._bounds
        until = self._began + (bounds.seconds if self._is_known else bounds.stranger_seconds)
        return max(0.0, min(bounds.pause_seconds, until - time.monotonic()))

    async def _check_length(self) -> None:
        bounds = self._bounds
        if self._taken > bounds.at_most:
            raise HTTPException(413, f"more than {bounds.at_most} bytes")
        if self._taken > bounds.of_a_stranger and not self._is_known:
            self._is_known = await self._knows()
            if not self._is_known:
                raise HTTPException(413, f"more than {bounds.of_a_stranger} bytes, and nobody is signed in")
