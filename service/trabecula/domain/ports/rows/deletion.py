"""The port of the rows of deletion, inside one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trabecula.domain.study.deletion import Tombstone
from trabecula.domain.uids import InstanceUid, StudyUid


class DeletionRows(Protocol):
    """Tombstones, and the rows of a study that is deleted."""

    def bury(self, study_uid: StudyUid, who: str, reason: str) -> None:
        """Put up the tombstone with what the study holds now, and take back what waits for it; rows stay so far."""
        ...

    def tombstone(self, study_uid: StudyUid) -> Tombstone | None:
        """Return the tombstone of a study, None where it was never deleted."""
        ...

    def unfinished(self) -> tuple[StudyUid, ...]:
        """Return the studies whose deletion has begun and not ended."""
        ...

    def is_worked_on(self, study_uid: StudyUid) -> bool:
        """Return whether a job of the study runs."""
        ...

    def image_files(self, study_uid: StudyUid) -> tuple[tuple[InstanceUid, str], ...]:
        """Return instance and spool key of every copy of the study's images."""
        ...

    def quarantine_files(self, study_uid: StudyUid) -> tuple[str, ...]:
        """Return the spool keys in quarantine that are of the study and of no other."""
        ...

    def forget(self, study_uid: StudyUid) -> None:
        """Delete every row of the study, and references of a patient of whom no other study is here."""
        ...

    def close(self, study_uid: StudyUid) -> None:
        """End the deletion: the UID itself goes."""
        ...

    def turned_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        """Return which of these studies were deleted and may not come again; count the images that came of them."""
        ...

    def allow(self, study_uid: StudyUid, who: str, reason: str) -> bool:
        """Let a deleted study come again as a new one; False where none was deleted."""
        ...
