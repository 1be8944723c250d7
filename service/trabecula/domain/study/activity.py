"""What this process is doing right now, told to a listener: if the process dies of it, somebody else can say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from trabecula.domain.uids import SeriesUid

_LISTENER: ContextVar[Callable[[str], None] | None] = ContextVar("activity_listener", default=None)


def doing(what: str) -> None:
    """Tell what begins now, as words that follow "while": ``decoding series 4``. No patient data, no free text."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(what)


@contextmanager
def activities_told_to(listener: Callable[[str], None]) -> Iterator[None]:
    """Let ``listener`` hear every activity of this thread inside the block; outside, activities go nowhere."""
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def series_in_words(number: int | None, series_uid: SeriesUid) -> str:
    """Return how an activity names a series: by its number where it has one, always by its Series Instance UID."""
    name = "series" if number is None else f"series {number}"
    return f"{name} ({series_uid})" if series_uid else name
