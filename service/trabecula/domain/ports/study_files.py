"""The port of the files of a study that retention and deletion remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.uids import InstanceUid, StudyUid


class StudyFiles(Protocol):
    """The files of a study. Every method may raise SpoolUnavailable; removing what is not there does nothing."""

    def remove_images(self, files: Sequence[tuple[InstanceUid, str]]) -> int:
        """Remove files of instances by their spool keys; return how many bytes they had.

        A key that is not one of the instance's own is left alone: another study may name it too.
        """
        ...

    def remove_quarantined(self, keys: Sequence[str]) -> int:
        """Remove files of the quarantine by their spool keys; return how many bytes they had."""
        ...

    def remove_traces(self, study_uid: StudyUid) -> int:
        """Remove what killed processes left of a study aside, and damaged segments of the journal that hold it.

        Returns in how many segments it still stands: they are registered and overwritten by their own processes.
        """
        ...

    def remove_results(self, study_uid: StudyUid, revision: int | None = None) -> int:
        """Remove the folder of a revision, or (None) of all of a study; return how many bytes were in it."""
        ...

    def results_bytes(self, study_uid: StudyUid, revision: int) -> int:
        """Return how many bytes the files of a revision have."""
        ...
