"""The port to the archive a study comes from: counts its images (C-FIND) and has them sent again (C-MOVE)."""

from __future__ import annotations

from typing import Protocol

from trabecula.domain.uids import StudyUid


class SourceArchive(Protocol):
    """Port: the sending archive, asked in the study root."""

    def count_instances(self, study_uid: StudyUid) -> int | None:
        """Return how many CT and MR images the archive holds of the study, or None when it does not know the study.

        Other objects are not counted: the intake drops them. Raises ArchiveQueryFailed.
        """
        ...

    def fetch(self, study_uid: StudyUid) -> int:
        """Have the archive send the study to our listener again; return how many images it says it sent.

        They come as any other images do. Raises ArchiveFetchFailed.
        """
        ...
