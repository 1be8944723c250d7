"""The port by which a listener's journal becomes rows: each record exactly once, in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from trabecula.domain.study.reception import ListenerStanding, ReceptionBatch
from trabecula.domain.uids import InstanceUid, StudyUid


class ReceptionRegister(Protocol):
    """Port of the registrar. Every method may raise DatabaseUnavailable; then nothing of it has happened."""

    def register_batch(self, batch: ReceptionBatch) -> None:
        """Record what came, in one transaction with how far the segment is now.

        What an earlier call has recorded already is left out, also where its rows were deleted since. Instances that
        are known are repetitions; other bytes under a known UID go to quarantine. Raises DatabaseRefused.
        """
        ...

    def registered(self, segment_uids: Sequence[str]) -> Mapping[str, int]:
        """Return the next sequence number of each segment that has any record registered."""
        ...

    def turn_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        """Return which of these studies were deleted for good, so that their images are not kept; count the images."""
        ...

    def knows(self, sop_instance_uid: InstanceUid) -> bool:
        """Return whether an instance is recorded under this UID."""
        ...

    def publish(self, standing: ListenerStanding) -> None:
        """Say how far the listener is; settling waits for it."""
        ...

    def forget(self, segment_uid: str) -> None:
        """Forget how far a segment is, which no longer exists."""
        ...
