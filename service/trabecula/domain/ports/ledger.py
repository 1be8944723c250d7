"""The port of the ledger: one transaction over all rows and the queue."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from trabecula.domain.ports.rows.bulk import BulkRows, TagRows
from trabecula.domain.ports.rows.copy import CopyRows
from trabecula.domain.ports.rows.deletion import DeletionRows
from trabecula.domain.ports.rows.delivery import DeliveryRows
from trabecula.domain.ports.rows.quarantine import QuarantineRows
from trabecula.domain.ports.rows.recall import RecallRows
from trabecula.domain.ports.rows.reception import ReceptionRows
from trabecula.domain.ports.rows.retention import RetentionRows
from trabecula.domain.ports.rows.revision import RevisionRows
from trabecula.domain.ports.rows.study import StudyRows
from trabecula.domain.study.jobs import Job
from trabecula.domain.uids import StudyUid


class Ledger(Protocol):
    """One open transaction of the ledger; what is not committed never happened."""

    @property
    def studies(self) -> StudyRows:
        """Studies and instances."""
        ...

    @property
    def revisions(self) -> RevisionRows:
        """Revisions, results, objects."""
        ...

    @property
    def deliveries(self) -> DeliveryRows:
        """Deliveries."""
        ...

    @property
    def quarantine(self) -> QuarantineRows:
        """What is kept but not used."""
        ...

    @property
    def receptions(self) -> ReceptionRows:
        """Listeners, their journals and what was refused."""
        ...

    @property
    def copies(self) -> CopyRows:
        """Which copy of each instance is in use."""
        ...

    @property
    def recalls(self) -> RecallRows:
        """Which results were made by whom, and which are recalled."""
        ...

    @property
    def retention(self) -> RetentionRows:
        """Which files rules let go, and which are gone."""
        ...

    @property
    def deletions(self) -> DeletionRows:
        """Studies that were deleted for good."""
        ...

    @property
    def bulk(self) -> BulkRows:
        """What is done to every study of a search."""
        ...

    @property
    def tags(self) -> TagRows:
        """Words that people put on studies."""
        ...

    def defer(self, job: Job) -> bool:
        """Put a job into the backlog within this transaction; False when the same job waits there already."""
        ...

    def defer_now(self, job: Job) -> None:
        """The same, due at once even where it waits for a later try."""
        ...

    def reorder(self, study_uid: StudyUid) -> None:
        """Put what waits for the study where its priority now wants it."""
        ...

    def count_attempt(self, job: Job) -> int:
        """Count that the job starts and return how often it has started without telling how it ended."""
        ...

    def count_failure(self, job: Job) -> int:
        """Count that the run told that it failed; return how often since it last succeeded."""
        ...

    def count_death(self, job: Job) -> int:
        """Count that the job's process died or ran out of time; return how often since it last succeeded."""
        ...

    def forget_attempts(self, job: Job, last: int | None = None) -> None:
        """Forget the counted attempts (or with ``last`` = 1 only the last one, which was interrupted)."""
        ...

    def installation_uid(self) -> str:
        """Return the UID that names this installation for ever."""
        ...

    def part(self) -> AbstractContextManager[Ledger]:
        """Give a part of this transaction: what it commits is durable once this transaction is.

        Leaving the block without its commit takes back the part alone. A part is committed once, as its last act.
        """
        ...

    def commit(self) -> None:
        """Make everything since the last commit durable."""
        ...


OpenLedger = Callable[[], AbstractContextManager[Ledger]]


"""Opens a transaction; leaving the block without commit rolls back. Raises DatabaseUnavailable."""
