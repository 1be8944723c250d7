"""The port of the rows that say which copy of an instance is in use, inside one transaction."""

from __future__ import annotations

from typing import Protocol

from trabecula.domain.study.copies import (
    QuarantineEntry,
    StoredCopy,
)
from trabecula.domain.uids import InstanceUid, StudyUid


class CopyRows(Protocol):
    """Which copy of each instance is in use, and which were."""

    def in_use(self, study_uid: StudyUid) -> tuple[StoredCopy, ...]:
        """Return the copies in use of a study, ordered by SOP Instance UID."""
        ...

    def replace(self, entry: QuarantineEntry, spool_key: str, transfer_syntax_uid: str, who: str) -> None:
        """Put the entry's bytes, now under ``spool_key``, into use; the former copy is remembered."""
        ...

    def is_named(self, sop_instance_uid: InstanceUid, spool_key: str) -> bool:
        """Return whether a file is the copy in use of an instance, or was."""
        ...
