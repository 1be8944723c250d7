"""What a listener's journal tells the ledger: batches of what came, what was refused, and how far a listener is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid


@dataclass(frozen=True, kw_only=True)
class RefusedInstance:
    """An instance that a sender was told we could not keep: the status word (PS3.4 B.2.3), our code, and when.

    Study and series are empty where the head of its data set could not be read.
    """

    sop_class_uid: str
    sop_instance_uid: InstanceUid
    study_uid: StudyUid
    series_uid: SeriesUid
    status: int
    code: str
    calling_ae_title: str
    association_id: str
    refused_at: datetime


@dataclass(frozen=True)
class CommitmentAnswer:
    """A storage commitment answer (PS3.4 J.3.3): for each SOP Instance UID whether the archive keeps it."""

    transaction_uid: str
    committed: Mapping[str, bool]


Reception = ReceivedInstance | RefusedInstance | CommitmentAnswer
"""What one record of a journal holds. Times in it are those of the listener's host."""


@dataclass(frozen=True)
class ReceptionBatch:
    """Consecutive records of one segment of a journal, each with its sequence number.

    ``next_sequence`` is the number after the last one: records before it are done when this batch is, damaged ones
    included. Times are those of the listener's host, as its clock is set when the batch is handed over.
    """

    journal_uid: str
    segment_uid: str
    entries: tuple[tuple[int, Reception], ...]
    next_sequence: int


@dataclass(frozen=True, kw_only=True)
class ListenerStanding:
    """How far a listener is: every image it received until ``registered_until`` (its host's clock) has its row.

    ``backlog_bytes`` is what its journal holds; ``ended`` that it receives nothing any more and owes nothing.
    """

    journal_uid: str
    name: str
    registered_until: datetime
    backlog_bytes: int
    ended: bool = False


@dataclass(frozen=True)
class ListenerLag:
    """A listener that may still hold images of a study: how far it is behind, and for how long it stands still."""

    name: str
    behind_s: float
    silent_s: float


@dataclass(frozen=True)
class ReceptionGaps:
    """What is known to lack in a revision: images refused, or damaged here, that never came again; who is silent.

    A silent listener may hold images that nobody else knows of.
    """

    refused: int = 0
    silent_listeners: tuple[str, ...] = ()
    damaged: int = 0

    @property
    def words(self) -> str:
        """What people read of it; nothing where nothing lacks."""
        said = []
        if self.refused:
            said.append(f"{_images(self.refused)} refused")
        if self.damaged:
            said.append(f"{_images(self.damaged)} damaged here after success had been answered")
        said += [f"the listener {name} is silent" for name in self.silent_listeners]
        return "; ".join(said)


def _images(count: int) -> str:
    return "1 image of this study was" if count == 1 else f"{count} images of this study were"


@dataclass(frozen=True)
class RefusedStanding:
    """How many refused images of a study have not come since, how long ago one was refused last, how many were damaged.

    Damaged ones had been acknowledged; they do not count as refused.
    """

    count: int
    age_s: float
    damaged: int = 0
