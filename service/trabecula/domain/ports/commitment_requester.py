"""The port that asks a destination to take responsibility (storage commitment SCU, PS3.4 J)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from trabecula.domain.delivery import Destination


class CommitmentRequester(Protocol):
    """Port: storage commitment SCU (PS3.4 J). The answer comes later, on the same or another association."""

    def request(
        self, destination: Destination, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> Mapping[str, bool] | None:
        """Send N-ACTION for (SOP Class UID, SOP Instance UID) pairs; return the answer per SOP Instance UID if it came
        on the same association, else None. Raises DestinationUnreachable, AssociationRejected, DeliveryRefused."""
        ...
