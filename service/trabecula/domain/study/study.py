"""Studies and their received instances: identities, states and the one table of allowed transitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trabecula.domain.errors import TransitionRefused
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid


class StudyState(StrEnum):
    """Where a study stands; the transitions below are the only ones."""

    RECEIVING = "RECEIVING"
    """Images arrive; -> ANALYSING when it has settled."""
    ANALYSING = "ANALYSING"
    """A revision is frozen and being measured; -> REPORTING."""
    REPORTING = "REPORTING"
    """The result stands; its DICOM objects are being written; -> DELIVERING, or DONE without destinations."""
    DELIVERING = "DELIVERING"
    """Objects go to the destinations; -> DONE when every destination has answered."""
    DONE = "DONE"
    """Everything is delivered; a late image -> RECEIVING."""
    FAILED = "FAILED"
    """A step gave up, with a coded reason; retry -> the failed step; a late image -> RECEIVING."""
    CANCELLED = "CANCELLED"
    """An operator stopped it; retry or a late image -> RECEIVING."""


class StudyPriority(StrEnum):
    """How soon a study is measured and delivered among those that wait; the first of these goes before the others."""

    URGENT = "URGENT"
    """An operator wants it before all others."""
    ROUTINE = "ROUTINE"
    """What every study is unless somebody says otherwise."""
    BULK = "BULK"
    """An archive that is worked through: only when nothing else waits."""


TRANSITIONS: dict[StudyState, frozenset[StudyState]] = {
    StudyState.RECEIVING: frozenset({StudyState.ANALYSING, StudyState.FAILED, StudyState.CANCELLED}),
    StudyState.ANALYSING: frozenset(
        {StudyState.REPORTING, StudyState.FAILED, StudyState.CANCELLED, StudyState.RECEIVING}
    ),
    StudyState.REPORTING: frozenset(
        {StudyState.DELIVERING, StudyState.DONE, StudyState.FAILED, StudyState.CANCELLED, StudyState.RECEIVING}
    ),
    StudyState.DELIVERING: frozenset({StudyState.DONE, StudyState.FAILED, StudyState.CANCELLED, StudyState.RECEIVING}),
    StudyState.DONE: frozenset({StudyState.RECEIVING, StudyState.ANALYSING, StudyState.DELIVERING}),
    StudyState.FAILED: frozenset(
        {StudyState.RECEIVING, StudyState.ANALYSING, StudyState.REPORTING, StudyState.DELIVERING, StudyState.CANCELLED}
    ),
    StudyState.CANCELLED: frozenset({StudyState.RECEIVING, StudyState.ANALYSING}),
}


def check_transition(current: StudyState, target: StudyState) -> None:
    """Raise TransitionRefused unless the table allows ``current -> target``."""
    if target not in TRANSITIONS[current]:
        raise TransitionRefused(f"{current} does not lead to {target}")


@dataclass(frozen=True, kw_only=True)
class ReceivedInstance:
    """What the listener knows of one stored instance before anything is decoded (PS3.7 9.1.1, PS3.8).

    ``spool_key`` is the path of its bytes relative to the spool; ``sha256`` is over that Part 10 file.
    The study and series UIDs are read from the head of the data set; they are empty where that failed
    (``fault`` then says why, and the file lies in quarantine).
    """

    sop_class_uid: str
    sop_instance_uid: InstanceUid
    transfer_syntax_uid: str
    study_uid: StudyUid
    series_uid: SeriesUid
    spool_key: str
    size_bytes: int
    sha256: str
    calling_ae_title: str
    association_id: str
    received_at: datetime
    fault: str = ""


@dataclass(frozen=True)
class StoredFile:
    """One instance of a frozen revision, as the analysis reads it: absolute path in the spool."""

    path: str
    sop_instance_uid: InstanceUid
    sop_class_uid: str
    series_uid: SeriesUid
