"""The port of the rows of retention, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.study.retention import (
    BegunRemoval,
    DueFiles,
    FileKind,
    RemovedImages,
    RetentionPolicy,
    ReturnedImage,
)
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid, StudyUid


class RetentionRows(Protocol):
    """What rules let go, what was removed, and what came again."""

    def may_remove(self) -> bool:
        """Return whether files may be removed until the end of this transaction: no backup is being made."""
        ...

    def old_enough(
        self, kind: FileKind, policy: RetentionPolicy, limit: int, study_uid: StudyUid | None = None
    ) -> tuple[DueFiles, ...]:
        """Return what nothing holds back, the oldest first; none where the policy keeps this kind for ever."""
        ...

    def begin(self, due: DueFiles, rule: str) -> int:
        """Record that files are removed from now on; return the number of the removal."""
        ...

    def begun(self) -> tuple[BegunRemoval, ...]:
        """Return what was begun and not ended, the oldest first."""
        ...

    def image_files(self, study_uid: StudyUid) -> tuple[tuple[InstanceUid, str], ...]:
        """Return instance and spool key of every copy of the study's removed images; locks them until commit."""
        ...

    def end(self, removal: BegunRemoval, size_bytes: int) -> None:
        """Confirm that the files of a removal are gone."""
        ...

    def removed_images(self, study_uid: StudyUid) -> RemovedImages:
        """Return how many images of the study are not here any more."""
        ...

    def results_rule(self, study_uid: StudyUid, revision: int) -> str | None:
        """Return when and by which rule the files of a revision were removed, None where they are here."""
        ...

    def returned(self, instances: Sequence[ReceivedInstance]) -> tuple[ReturnedImage, ...]:
        """Take those of the instances into use again whose files had been removed; return them."""
        ...

    def mark_absent(self, sop_instance_uids: Sequence[InstanceUid], rule: str) -> int:
        """Record that the files of instances are not here (a restore without images); return how many there were."""
        ...

    def was_restored(self) -> bool:
        """Return whether this ledger was ever put in place from a backup: then files may be newer than it."""
        ...

    def hold(self, study_uid: StudyUid, who: str, reason: str) -> None:
        """Keep everything of a study until the hold is lifted. Raises StudyUnknown."""
        ...

    def unhold(self, study_uid: StudyUid) -> bool:
        """Lift the hold; False where there was none."""
        ...

    def held(self, study_uid: StudyUid) -> str | None:
        """Return who holds the study and why, None where nobody does."""
        ...
