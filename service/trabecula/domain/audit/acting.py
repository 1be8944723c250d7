"""Who acts in this thread or task: what use cases write into the audit log is under this name.

A use case is told ``who`` as text alone; whether that is an account, a token or somebody at the command line, and from
which address, is known where the request came in. There it is said once, for everything the request does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from trabecula.domain.audit.entry import ActorKind


@dataclass(frozen=True)
class Actor:
    """Who acts, what kind of somebody, and from which address; an empty ``who`` is whoever the use case names."""

    who: str
    kind: ActorKind
    address: str = ""


_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Write what happens inside under this actor."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


def actor_of(who: str) -> Actor:
    """Return who acts now: whoever was named for the whole request, else ``who`` at the command line."""
    acting = _acting.get() or Actor("", ActorKind.COMMAND_LINE)
    return acting if acting.who else Actor(who, acting.kind, acting.address)
