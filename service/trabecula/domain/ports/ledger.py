"""The port of the ledger: what the use cases read and write inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from trabecula.domain.ports.copies import CopyRows, QuarantineRows
from trabecula.domain.ports.use_cases import DeliveryState, Destination
from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.study.jobs import Failure, Job, Stage
from trabecula.domain.study.study import ReceivedInstance, StudyState


@dataclass(frozen=True)
class StudyStanding:
    """Where a study stands. ``quiet_s`` is the time since its last new image; ``count_checks`` how often it waited."""

    study_uid: str
    state: StudyState
    revision: int
    quiet_s: float
    count_checks: int
    failed_stage: Stage | None


@dataclass(frozen=True)
class StoredInstance:
    """One instance of a revision as the ledger knows it; ``spool_key`` is relative to the spool."""

    spool_key: str
    sop_instance_uid: str
    sop_class_uid: str
    series_uid: str


@dataclass(frozen=True)
class SeriesFacts:
    """What lists show of a series."""

    series_uid: str
    modality: str = ""
    description: str = ""
    number: int | None = None


@dataclass(frozen=True)
class StudyFacts:
    """What coordinators need to find a study and its scanner. Lives in the database only, never in a log."""

    patient_id: str = ""
    patient_id_issuer: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    accession_number: str = ""
    study_date: str = ""
    description: str = ""
    manufacturer: str = ""
    scanner_model: str = ""
    station: str = ""
    series: tuple[SeriesFacts, ...] = ()


class CommitmentState(StrEnum):
    """Where storage commitment of one delivered object stands."""

    NONE = "NONE"
    """Not asked for."""
    REQUESTED = "REQUESTED"
    """Asked; the answer has not come yet."""
    CONFIRMED = "CONFIRMED"
    """The destination took responsibility."""
    REFUSED = "REFUSED"
    """The destination says that it does not keep the object."""
    MISSING = "MISSING"
    """No answer in time; visible, not fatal."""


@dataclass(frozen=True)
class Delivery:
    """One object on its way to one destination. ``sop_*`` name the form that was really sent (fall-back classes)."""

    study_uid: str
    revision: int
    destination: str
    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: str
    state: DeliveryState = DeliveryState.PENDING
    status: int | None = None
    error_code: str = ""
    comment: str = ""
    attempts: int = 0
    commitment: CommitmentState = CommitmentState.NONE
    transaction_uid: str = ""


@dataclass(frozen=True)
class Event:
    """One line of a study's audit trail."""

    what: str
    detail: str = ""
    who: str = "system"
    revision: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


class StudyRows(Protocol):
    """Studies and their received instances."""

    def standing(self, study_uid: str, *, lock: bool = False) -> StudyStanding:
        """Return where the study stands; with ``lock`` nobody else changes it until commit. Raises StudyUnknown."""
        ...

    def count_instances(self, study_uid: str) -> int:
        """Return how many instances of the study have come."""
        ...

    def add_instance(self, instance: ReceivedInstance) -> bool:
        """Record an instance with its study and series; False when it is known or one of our own objects.

        The first instance of a study notes the event RECEIVED.
        """
        ...

    def known_sha256(self, sop_instance_uid: str) -> str | None:
        """Return the digest of the instance we hold under this UID, or None."""
        ...

    def study_of(self, sop_instance_uid: str) -> str:
        """Return the study that holds an instance. Raises StudyUnknown."""
        ...

    def image_arrived(self, study_uid: str) -> StudyStanding:
        """Start the quiet time of the study anew and return where it stands; nobody else changes it until commit."""
        ...

    def count_check_failed(self, study_uid: str) -> None:
        """Count one more wait for images the source archive still has."""
        ...

    def move(self, study_uid: str, target: StudyState) -> None:
        """Change the state. Raises TransitionRefused."""
        ...

    def fail(self, study_uid: str, stage: Stage, failure: Failure) -> None:
        """Change the state to FAILED and keep the reason. Raises TransitionRefused."""
        ...

    def keep_failure(self, study_uid: str, stage: Stage, failure: Failure) -> None:
        """Keep the reason why a step failed although the study goes on, until it is measured anew."""
        ...

    def describe(self, study_uid: str, facts: StudyFacts) -> None:
        """Keep what lists show of the study."""
        ...

    def note(self, study_uid: str, event: Event) -> None:
        """Add a line to the study's audit trail."""
        ...


class RevisionRows(Protocol):
    """Frozen revisions, their results and their objects."""

    def freeze(self, study_uid: str) -> int:
        """Freeze the present instances as the study's next revision and return its number."""
        ...

    def is_current_set(self, study_uid: str, revision: int) -> bool:
        """Return whether the revision holds exactly the instances the study has now, each in the copy in use now."""
        ...

    def instances(self, study_uid: str, revision: int) -> tuple[StoredInstance, ...]:
        """Return the instances of a revision in the copies it was frozen with, ordered by SOP Instance UID."""
        ...

    def save_result(self, result: StudyResult) -> None:
        """Keep the result of a revision, and its category with the study; replaces an earlier one."""
        ...

    def result(self, study_uid: str, revision: int) -> StudyResult | None:
        """Return the result of a revision, or None."""
        ...

    def analysed_at(self, study_uid: str, revision: int) -> datetime:
        """Return when the result was first kept: the content time of its objects. Raises StudyUnknown."""
        ...

    def save_objects(self, study_uid: str, revision: int, objects: Sequence[ResultObject]) -> None:
        """Keep the identities of the revision's objects (their bytes are artifacts); replaces earlier ones."""
        ...

    def has_objects(self, study_uid: str, revision: int) -> bool:
        """Return whether the objects of a revision are written."""
        ...

    def predecessors(self, study_uid: str, revision: int) -> tuple[tuple[str, str, str], ...]:
        """Return class, instance and series UID of the newest earlier SR that a destination has (or could have)."""
        ...


class DeliveryRows(Protocol):
    """Objects on their way to destinations."""

    def plan(self, study_uid: str, revision: int, destinations: Sequence[Destination]) -> tuple[str, ...]:
        """Plan a delivery for each object a destination wants; return the destinations that have any."""
        ...

    def of(self, study_uid: str, revision: int, destination: str = "") -> tuple[Delivery, ...]:
        """Return the deliveries of a revision, all or those of one destination."""
        ...

    def record(self, delivery: Delivery) -> None:
        """Write how a planned delivery stands now."""
        ...

    def of_transaction(self, transaction_uid: str) -> tuple[Delivery, ...]:
        """Return the deliveries a storage commitment transaction asks for."""
        ...


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
    def copies(self) -> CopyRows:
        """Which copy of each instance is in use."""
        ...

    def defer(self, job: Job) -> bool:
        """Put a job into the queue within this transaction; False when the same job waits there already."""
        ...

    def count_attempt(self, job: Job) -> int:
        """Count that the job starts and return how often it has started since it last succeeded."""
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

    def commit(self) -> None:
        """Make everything since the last commit durable."""
        ...


OpenLedger = Callable[[], AbstractContextManager[Ledger]]
"""Opens a transaction; leaving the block without commit rolls back. Raises DatabaseUnavailable."""
