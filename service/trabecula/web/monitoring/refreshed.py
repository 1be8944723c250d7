"""A figure that is read at most every few seconds, in a thread of its own: who asks never waits for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Refreshed(Generic[_Value]):
    """Holds the last value of ``read``. Thread-safe; however many ask, one reading runs at a time."""

    def __init__(self, read: Callable[[], _Value], *, keep_s: float, patience_s: float) -> None:
        """A value is kept for ``keep_s``; whoever asks for a newer one waits for at most ``patience_s``.

        ``read`` should return None where it finds nothing, and never raise.
        """
        self._read = read
        self._keep_s = keep_s
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._value: _Value | None = None
        self._read_at = float("-inf")
        self._reading = False

    def value(self) -> _Value | None:
        """Return a value that is not older than ``keep_s``; None where none came in time."""
        with self._changed:
            self._have_it_read()
            self._changed.wait_for(self._is_fresh, timeout=self._patience_s)
            return self._value if self._is_fresh() else None

    def last(self) -> _Value | None:
        """Return the last value, however old; a newer one is read meanwhile where it is older than ``keep_s``.

        Waits only where there is none yet; None where none came in time.
        """
        with self._changed:
            self._have_it_read()
            self._changed.wait_for(lambda: self._read_at > float("-inf"), timeout=self._patience_s)
            return self._value

    def _have_it_read(self) -> None:
        if not self._is_fresh() and not self._reading:
            self._reading = True
            threading.Thread(target=self._refresh, name="figures", daemon=True).start()

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at < self._keep_s

    def _refresh(self) -> None:
        value = None
        try:
            value = self._read()
        finally:
            with self._changed:
                self._value, self._read_at, self._reading = value, time.monotonic(), False
                self._changed.notify_all()
