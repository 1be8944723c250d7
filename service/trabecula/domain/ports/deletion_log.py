"""The port of the deletion log: tombstones outside the database, so that no restore brings a deleted study back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.study.deletion import Tombstone


class DeletionLog(Protocol):
    """Port: tombstones under the key of this installation, as a file that outlives the database."""

    def key(self) -> str:
        """Return the key under which UIDs are kept, "" before the first deletion."""
        ...

    def keep(self, key: str, tombstones: Sequence[Tombstone]) -> int:
        """Add what the log does not know yet of these tombstones; return how many lines that were."""
        ...
