"""Which refusals are worth a record: each instance once in a while, however often its sender tries again."""

from __future__ import annotations

import threading
import time

from trabecula.domain.study.reception import RefusedInstance

_AGAIN_SECONDS = 60.0
"""A sender that tries again at once adds nothing; settling counts hours."""
_MOST = 20_000


class Refusals:
    """Remembers what was refused lately, and what could not even be recorded. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._put_off: dict[str, RefusedInstance] = {}

    def is_news(self, refused: RefusedInstance) -> bool:
        """Return whether this refusal is to be recorded, and remember it."""
        now = time.monotonic()
        with self._lock:
            if now - self._told.get(refused.sop_instance_uid, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
                return False
            if len(self._told) >= _MOST:
                self._told.clear()
            self._told[refused.sop_instance_uid] = now
            return True

    def put_off(self, refused: RefusedInstance) -> None:
        """Keep a refusal that could not be recorded; beyond a bound the oldest is forgotten."""
        with self._lock:
            self._put_off[refused.sop_instance_uid] = refused
            if len(self._put_off) > _MOST:
                self._put_off.pop(next(iter(self._put_off)))

    def take_put_off(self) -> list[RefusedInstance]:
        """Return what was put off, to be recorded now as news."""
        with self._lock:
            waiting = list(self._put_off.values())
            self._put_off.clear()
            for refused in waiting:
                self._told.pop(refused.sop_instance_uid, None)
        return waiting
