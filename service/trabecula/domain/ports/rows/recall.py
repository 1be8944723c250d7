"""The port of the rows of recalls, inside one transaction."""

from __future__ import annotations

from typing import Protocol

from trabecula.domain.study.recall import MadeBy, RecalledResult
from trabecula.domain.uids import StudyUid


class RecallRows(Protocol):
    """Which results were made by whom, and which of them are recalled."""

    def made_by(self, wanted: MadeBy) -> tuple[RecalledResult, ...]:
        """Return every result of the maker, of all revisions, ordered by study and revision."""
        ...

    def mark(self, study_uid: StudyUid, revision: int, wanted: MadeBy, who: str, reason: str) -> None:
        """Mark a result as recalled, where every list and filter of reasons shows it."""
        ...
