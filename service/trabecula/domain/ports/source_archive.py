"""The port that counts the images of a study at its source (C-FIND, study root)."""

from __future__ import annotations

from typing import Protocol

from trabecula.domain.uids import StudyUid


class SourceArchive(Protocol):
    """Port: asks the sending archive how many instances a study has (C-FIND, study root)."""

    def count_instances(self, study_uid: StudyUid) -> int | None:
        """Return how many CT and MR images the archive holds of the study, or None when it does not know the study.

        Other objects are not counted: the intake drops them. Raises ArchiveQueryFailed.
        """
        ...
