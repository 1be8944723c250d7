"""The unit of work: one transaction over rows and queue; what is not committed never happened."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, SessionTransaction

from trabecula.domain.identity import derived_uid
from trabecula.domain.ports.ledger import Ledger, OpenLedger
from trabecula.domain.study.jobs import Job
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import database_errors
from trabecula.ledger.rows.bulk import SqlBulkRows, SqlTagRows
from trabecula.ledger.rows.copies import SqlCopyRows
from trabecula.ledger.rows.deletions import SqlDeletionRows
from trabecula.ledger.rows.deliveries import SqlDeliveryRows
from trabecula.ledger.rows.quarantine import SqlQuarantineRows
from trabecula.ledger.rows.recalls import SqlRecallRows
from trabecula.ledger.rows.receptions import SqlReceptionRows
from trabecula.ledger.rows.retention import SqlRetentionRows
from trabecula.ledger.rows.revisions import SqlRevisionRows
from trabecula.ledger.rows.studies import SqlStudyRows
from trabecula.ledger.rows.trails import Trails
from trabecula.ledger.tables import Installation, StageAttempt


class JobQueue(Protocol):
    """Port: puts a job into the queue on the caller's own connection, so that it commits with the caller's rows."""

    def defer(self, connection: Any, job: Job) -> bool:
        """Insert the job with a psycopg 3 connection; False when the same job waits already (nothing changed)."""
        ...

    def hasten(self, connection: Any, job: Job) -> None:
        """Let the job that waits for a later try be due at once."""
        ...

    def reorder(self, connection: Any, study_uid: StudyUid) -> None:
        """Put what waits for the study where its priority now wants it."""
        ...


class UnitOfWork:
    """Implements domain.ports.ledger.Ledger on one session."""

    def __init__(self, session: Session, queue: JobQueue) -> None:
        self._session = session
        self._queue = queue
        self._trails = Trails()
        """What parts did to studies, to be written together."""

    @cached_property
    def studies(self) -> SqlStudyRows:
        """Studies and instances."""
        return SqlStudyRows(self._session)

    @cached_property
    def revisions(self) -> SqlRevisionRows:
        """Revisions, results, objects."""
        return SqlRevisionRows(self._session)

    @cached_property
    def deliveries(self) -> SqlDeliveryRows:
        """Deliveries."""
        return SqlDeliveryRows(self._session)

    @cached_property
    def quarantine(self) -> SqlQuarantineRows:
        """What is kept but not used."""
        return SqlQuarantineRows(self._session)

    @cached_property
    def receptions(self) -> SqlReceptionRows:
        """Listeners, their journals and what was refused."""
        return SqlReceptionRows(self._session)

    @cached_property
    def copies(self) -> SqlCopyRows:
        """Which copy of each instance is in use."""
        return SqlCopyRows(self._session)

    @cached_property
    def recalls(self) -> SqlRecallRows:
        """Which results were made by whom, and which are recalled."""
        return SqlRecallRows(self._session)

    @cached_property
    def retention(self) -> SqlRetentionRows:
        """Which files rules let go, and which are gone."""
        return SqlRetentionRows(self._session)

    @cached_property
    def deletions(self) -> SqlDeletionRows:
        """Studies that were deleted for good."""
        return SqlDeletionRows(self._session)

    @cached_property
    def bulk(self) -> SqlBulkRows:
        """What is done to every study of a search."""
        return SqlBulkRows(self._session)

    @cached_property
    def tags(self) -> SqlTagRows:
        """Words that people put on studies."""
        return SqlTagRows(self._session)

    def defer(self, job: Job) -> bool:
        """Put a job into the backlog within this transaction; False when the same job waits there already."""
        self._session.flush()
        return self._queue.defer(self._session.connection().connection.driver_connection, job)

    def defer_now(self, job: Job) -> None:
        """The same, due at once even where it waits for a later try."""
        if not self.defer(job):
            self._queue.hasten(self._session.connection().connection.driver_connection, job)

    def reorder(self, study_uid: StudyUid) -> None:
        """Put what waits for the study where its priority now wants it."""
        self._session.flush()
        self._queue.reorder(self._session.connection().connection.driver_connection, study_uid)

    def count_attempt(self, job: Job) -> int:
        """Count that the job starts and return how often it has started without telling how it ended."""
        return self._count(job, str(job.stage))

    def count_failure(self, job: Job) -> int:
        """Count that the run told that it failed; return how often since it last succeeded."""
        self.forget_attempts(job, last=1)
        return self._count(job, _failures(job))

    def count_death(self, job: Job) -> int:
        """Count that the job's process died or ran out of time; return how often since it last succeeded."""
        return self._count(job, _deaths(job))

    def _count(self, job: Job, counted: str) -> int:
        statement = (
            upsert(StageAttempt)
            .values(
                study_uid=job.study_uid,
                revision=job.revision,
                stage=counted,
                destination=job.destination,
                attempts=1,
            )
            .on_conflict_do_update(
                index_elements=["study_uid", "revision", "stage", "destination"],
                set_={"attempts": StageAttempt.attempts + 1},
            )
            .returning(StageAttempt.attempts)
        )
        return int(self._session.execute(statement).scalar_one())

    def forget_attempts(self, job: Job, last: int | None = None) -> None:
        """Forget the counted attempts, failures and deaths, or only the ``last`` so many attempts."""
        key = (
            StageAttempt.study_uid == job.study_uid,
            StageAttempt.revision == job.revision,
            StageAttempt.destination == job.destination,
        )
        if last is None:
            counted = StageAttempt.stage.in_((str(job.stage), _failures(job), _deaths(job)))
            self._session.execute(delete(StageAttempt).where(*key, counted))
        else:
            started = update(StageAttempt).where(*key, StageAttempt.stage == str(job.stage))
            self._session.execute(started.values(attempts=func.greatest(StageAttempt.attempts - last, 0)))

    def installation_uid(self) -> str:
        """Return the UID that names this installation for ever; made at the first call."""
        self._session.execute(
            upsert(Installation)
            .values(one=1, uid=derived_uid("installation", uuid.uuid4().hex))
            .on_conflict_do_nothing()
        )
        return self._session.execute(select(Installation.uid)).scalar_one()

    @contextmanager
    def part(self) -> Iterator[Ledger]:
        """Give a part of this transaction, a savepoint: what it commits is durable once this transaction is."""
        with database_errors():
            savepoint = self._session.begin_nested()
            part = _Part(self._session, self._queue, savepoint)
            try:
                yield part
            finally:
                if savepoint.is_active:
                    savepoint.rollback()
                else:
                    self._trails.take_over(part.trails)

    def commit(self) -> None:
        """Make everything since the last commit durable. Raises DatabaseUnavailable."""
        with database_errors():
            self._trails.write(self._session)
            self._session.commit()


class _Part(UnitOfWork):
    """A savepoint as a ledger; the lines of its trails are written with those of the other parts."""

    def __init__(self, session: Session, queue: JobQueue, savepoint: SessionTransaction) -> None:
        super().__init__(session, queue)
        self._savepoint = savepoint

    @property
    def trails(self) -> Trails:
        """What it did to studies and is not written yet."""
        return self._trails

    @cached_property
    def studies(self) -> SqlStudyRows:
        """Studies and instances."""
        return SqlStudyRows(self._session, self._trails)

    def commit(self) -> None:
        """Keep what the part did, if the transaction around it lasts. Raises DatabaseUnavailable."""
        with database_errors():
            self._savepoint.commit()


def _failures(job: Job) -> str:
    """Return under which name the runs of a stage are counted that told that they failed."""
    return f"{job.stage}:failed"


def _deaths(job: Job) -> str:
    """Return under which name the deaths of a stage are counted, beside its attempts."""
    return f"{job.stage}:died"


def ledger_opener(engine: Engine, queue: JobQueue) -> OpenLedger:
    """Return the function that opens a transaction of the ledger on this engine and queue."""

    @contextmanager
    def open_ledger() -> Iterator[Ledger]:
        with database_errors(), Session(engine, expire_on_commit=True) as session:
            yield UnitOfWork(session, queue)

    return open_ledger
