"""The ports of the rows of bulk actions and tags, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.desk.bulk import BulkAction, BulkKind, BulkOutcome
from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.uids import StudyUid


class BulkRows(Protocol):
    """Bulk actions: what is wanted, how far each is, and what was refused."""

    def begin(self, kind: BulkKind, argument: str, wanted: StudySearch, who: str, most: int | None) -> int:
        """Record an action on the studies that are here now; return its number."""
        ...

    def open(self) -> tuple[int, ...]:
        """Return the numbers of the actions that have not ended, the oldest first."""
        ...

    def take(self, number: int) -> BulkAction | None:
        """Return the action, held until the end of the transaction; None where it has ended or another holds it."""
        ...

    def batch(self, action: BulkAction, size: int) -> tuple[tuple[Cursor, ...], Cursor | None]:
        """Return the next studies, maybe none, and where to go on behind them; None at the end."""
        ...

    def hold(self, studies: Sequence[StudyUid]) -> None:
        """Lock these studies until the end of the transaction, in the order in which everybody locks several."""
        ...

    def done_to(self, action: BulkAction, studies: Sequence[StudyUid]) -> frozenset[StudyUid]:
        """Return to which of these studies this action was done already, by their trails."""
        ...

    def record(self, action: BulkAction, done: int, refused: Sequence[BulkOutcome], after: Cursor | None) -> None:
        """Add to the counts, keep what was refused, and go on behind ``after``; None ends the action."""
        ...

    def stop(self, number: int) -> bool:
        """Let an action end where it is; False where it has ended. Raises BulkUnknown."""
        ...


class TagRows(Protocol):
    """Tags of studies."""

    def add(self, study_uid: StudyUid, tag: str, who: str) -> bool:
        """Put a tag on a study; False where it was there. Raises TagRefused, StudyUnknown."""
        ...

    def remove(self, study_uid: StudyUid, tag: str) -> bool:
        """Take a tag off a study; False where it was not there."""
        ...
