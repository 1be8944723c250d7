"""Bulk actions: what may be done to every study that a search finds, and how far that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.desk.tags import check_tag
from trabecula.domain.errors_of.bulk import BulkRefused
from trabecula.domain.study.study import StudyPriority
from trabecula.domain.uids import StudyUid


class BulkKind(StrEnum):
    """What is done to each study; some need an argument."""

    RETRY = "RETRY"
    CANCEL = "CANCEL"
    REPROCESS = "REPROCESS"
    SETTLE = "SETTLE"
    """Taken as complete without waiting."""
    RESEND = "RESEND"
    """To the destination that the argument names."""
    TAG = "TAG"
    UNTAG = "UNTAG"
    PRIORITISE = "PRIORITISE"
    """The argument is a StudyPriority."""


class BulkState(StrEnum):
    """OPEN until every study has had its turn (ENDED) or somebody stops it (STOPPED)."""

    OPEN = "OPEN"
    ENDED = "ENDED"
    STOPPED = "STOPPED"


@dataclass(frozen=True)
class BulkOutcome:
    """Why it could not be done to a study: the code and sentence of the error."""

    study_uid: StudyUid
    code: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class BulkAction:
    """A recorded bulk action: ``done`` and ``refused`` count studies that had their turn, ``after`` is the last."""

    number: int
    kind: BulkKind
    argument: str
    wanted: StudySearch
    who: str
    state: BulkState
    begun_at: datetime
    ended_at: datetime | None
    done: int
    refused: int
    most: int | None = None
    after: Cursor | None = None

    @property
    def signature(self) -> str:
        """Who acts, as the trail of each study says it; it also tells what was done before a restart."""
        return f"{self.who}, bulk action {self.number}"


def check_bulk(kind: BulkKind, argument: str) -> str:
    """Return the argument as it is kept. Raises BulkRefused, TagRefused."""
    if kind in (BulkKind.TAG, BulkKind.UNTAG):
        return check_tag(argument)
    if kind is BulkKind.PRIORITISE:
        if argument.upper() not in StudyPriority.__members__:
            raise BulkRefused(f"{argument!r} is no priority; they are {', '.join(StudyPriority)}")
        return argument.upper()
    if bool(argument) != (kind is BulkKind.RESEND):
        raise BulkRefused(f"{kind} needs {'a destination' if kind is BulkKind.RESEND else 'nothing more'}")
    return argument
