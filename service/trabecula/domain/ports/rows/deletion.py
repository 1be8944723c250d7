"""The port of the rows of deletion, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from trabecula.domain.study.deletion import Tombstone
from trabecula.domain.uids import InstanceUid, StudyUid


class DeletionRows(Protocol):
    """Tombstones, and the rows of a study that is deleted."""

    def bury(self, study_uid: StudyUid, who: str, reason: str, key: str = "") -> None:
        """Put up the tombstone with what the study holds now, and take back what waits for it; rows stay so far.

        ``key`` is the one to keep UIDs under where the ledger has none yet; without it one is made.
        """
        ...

    def tombstones(self) -> tuple[str, tuple[Tombstone, ...]]:
        """Return the key, "" where there is none yet, and every tombstone."""
        ...

    def adopt(self, key: str, tombstones: Sequence[Tombstone]) -> None:
        """Take over tombstones of a log that the ledger does not know, as deletions that have ended.

        Raises BackupInvalid where the ledger keeps its own under another key.
        """
        ...

    def study_uids(self) -> Iterator[StudyUid]:
        """Return every study of the ledger."""
        ...

    def end_jobs(self, study_uid: StudyUid) -> None:
        """Take the running jobs of a study as ended: their workers do not exist in a ledger that was restored."""
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
