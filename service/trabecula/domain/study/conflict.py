"""A conflict: images that came again under known UIDs with other headers."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.domain.study.copies import (
    QuarantineEntry,
    StoredCopy,
)
from trabecula.domain.uids import StudyUid


@dataclass(frozen=True)
class Conflict:
    """A held copy beside the copy in use. ``study_uid`` is the study whose image it is a copy of.

    ``formerly_used`` is true for bytes that were in use before an operator took others over.
    """

    entry: QuarantineEntry
    in_use: StoredCopy
    study_uid: StudyUid
    formerly_used: bool
