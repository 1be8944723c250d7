"""The port by which the listener tells the ledger of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid, StudyUid


class Registrar(Protocol):
    """Port of the listener: writes the ledger row and defers ``settle`` in one transaction, then returns."""

    def register(self, instance: ReceivedInstance) -> bool:
        """Return True when the instance is new, False for a repetition. Raises DatabaseUnavailable.

        An instance with a ``fault`` is recorded as quarantined. The caller answers 0x0000 only after this returned.
        """
        ...

    def turn_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        """Return which of these studies were deleted for good, so that their images are not kept; count the images."""
        ...

    def knows(self, sop_instance_uid: InstanceUid) -> bool:
        """Return whether an instance is recorded under this UID. Raises DatabaseUnavailable."""
        ...

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Record a storage commitment answer (N-EVENT-REPORT) per SOP Instance UID."""
        ...
