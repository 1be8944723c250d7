"""The port of the rows of the quarantine, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.study.conflict import Conflict
from trabecula.domain.study.copies import (
    QuarantineEntry,
    QuarantineState,
)
from trabecula.domain.study.jobs import Failure
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import StudyUid


class QuarantineRows(Protocol):
    """Instances that were acknowledged and are kept, but not used."""

    def add(self, instance: ReceivedInstance, failure: Failure) -> bool:
        """Record an instance; False when the same bytes are held already (they are then noted as received again)."""
        ...

    def withdraw(self, instance: ReceivedInstance) -> None:
        """Take back what ``add`` added in this transaction."""
        ...

    def entries(self, numbers: Sequence[int], *, lock: bool = False) -> tuple[QuarantineEntry, ...]:
        """Return the entries with these numbers, in order. Raises QuarantineEntryUnknown."""
        ...

    def conflicts(self, study_uid: StudyUid, *, lock: bool = False) -> tuple[Conflict, ...]:
        """Return what is held as another copy of an image of this study, the copy that came last first."""
        ...

    def close(self, number: int, state: QuarantineState, who: str, reason: str) -> None:
        """End an entry: what became of it, by whom and why."""
        ...
