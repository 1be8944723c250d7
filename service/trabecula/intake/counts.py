"""What a listener has done since it started, counted for monitors."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from trabecula.domain.errors import (
    CalledAeRefused,
    CallingAeRefused,
    DatabaseUnavailable,
    SpoolUnavailable,
    StorageFull,
)
from trabecula.domain.errors_of.reception import BacklogFull, HandshakeFailed

_MOST_NAMES = 100
OTHERS = "(others)"
"""Stands for every calling AE title beyond a bound: anybody on this host may choose them."""


_REFUSALS = tuple(error.code for error in (StorageFull, SpoolUnavailable, BacklogFull, DatabaseUnavailable))
_REJECTIONS = tuple(error.code for error in (CallingAeRefused, CalledAeRefused, HandshakeFailed))
"""Counted from 0, so that a monitor sees the first of them as an increase."""


@dataclass(frozen=True, kw_only=True)
class ReceptionTotals:
    """Counts since the start: C-STORE requests by their answer, associations; causes are codes of errors.

    ``received`` counts what was answered with success for each calling AE title, repetitions and what was dropped
    included.
    """

    received: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_REFUSALS, 0)))
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_REJECTIONS, 0)))


class ReceptionCounts:
    """Counts as the listener's associations tell. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals = ReceptionTotals()
        self._accepted = 0

    def stored(self, calling_ae_title: str, refusal_code: str = "") -> None:
        """A C-STORE request was answered: with success, or refused for the named cause."""
        with self._lock:
            if refusal_code:
                self._totals.refused[refusal_code] += 1
                return
            received = self._totals.received
            known = calling_ae_title in received or len(received) < _MOST_NAMES
            received[calling_ae_title if known else OTHERS] += 1

    def association_accepted(self) -> None:
        """An association was accepted."""
        with self._lock:
            self._accepted += 1

    def association_rejected(self, code: str) -> None:
        """An association was rejected for the named cause."""
        with self._lock:
            self._totals.rejected[code] += 1

    def totals(self) -> ReceptionTotals:
        """Return a copy of the counts."""
        with self._lock:
            return ReceptionTotals(
                received=Counter(self._totals.received),
                refused=Counter(self._totals.refused),
                accepted=self._accepted,
                rejected=Counter(self._totals.rejected),
            )
