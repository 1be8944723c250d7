"""The port of the rows of deliveries, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.delivery import Delivery, Destination
from trabecula.domain.uids import StudyUid


class DeliveryRows(Protocol):
    """Objects on their way to destinations."""

    def plan(self, study_uid: StudyUid, revision: int, destinations: Sequence[Destination]) -> tuple[str, ...]:
        """Plan a delivery for each kind of object a destination wants, in its language where the revision has one;
        return the destinations that have any."""
        ...

    def of(self, study_uid: StudyUid, revision: int, destination: str = "") -> tuple[Delivery, ...]:
        """Return the deliveries of a revision, all or those of one destination."""
        ...

    def record(self, delivery: Delivery, next_attempt_s: float | None = None) -> None:
        """Write how a planned delivery stands now, and in how many seconds it is tried again (None: it is not)."""
        ...

    def drop_unsent(self, study_uid: StudyUid, revision: int, destination: str) -> int:
        """Forget what a destination never got of a revision; return how many objects that were."""
        ...

    def of_transaction(self, transaction_uid: str) -> tuple[Delivery, ...]:
        """Return the deliveries a storage commitment transaction asks for."""
        ...
