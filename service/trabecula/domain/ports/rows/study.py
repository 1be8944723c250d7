"""The port of the rows of studies and received instances, inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from trabecula.domain.study.facts import StudyFacts
from trabecula.domain.study.jobs import Failure, Stage
from trabecula.domain.study.standing import Event, StudyStanding
from trabecula.domain.study.study import ReceivedInstance, StudyPriority, StudyState
from trabecula.domain.uids import InstanceUid, StudyUid


class StudyRows(Protocol):
    """Studies and their received instances."""

    def standing(self, study_uid: StudyUid, *, lock: bool = False) -> StudyStanding:
        """Return where the study stands; with ``lock`` nobody else changes it until commit. Raises StudyUnknown."""
        ...

    def count_instances(self, study_uid: StudyUid) -> int:
        """Return how many instances of the study have come."""
        ...

    def add_instance(self, instance: ReceivedInstance) -> bool:
        """Record an instance with its study and series; False when it is known or one of our own objects.

        The first instance of a study notes the event RECEIVED.
        """
        ...

    def add_instances(
        self, instances: Sequence[ReceivedInstance], came_at: Sequence[datetime]
    ) -> frozenset[InstanceUid]:
        """Record instances that came at these times of the database's clock; return the UIDs of those that are new."""
        ...

    def add_refused(self, study_uid: StudyUid, calling_ae_title: str, refused_at: datetime) -> bool:
        """Record a study of which nothing has come but refusals; False when the study is known."""
        ...

    def known_sha256(self, sop_instance_uid: InstanceUid) -> str | None:
        """Return the digest of the instance we hold under this UID, or None."""
        ...

    def study_of(self, sop_instance_uid: InstanceUid) -> StudyUid:
        """Return the study that holds an instance. Raises StudyUnknown."""
        ...

    def image_arrived(self, study_uid: StudyUid, came_at: datetime | None = None) -> StudyStanding:
        """Start the quiet time of the study anew from when an image came (the database's clock; None: now).

        Returns where it stands; nobody else changes it until commit.
        """
        ...

    def count_check_failed(self, study_uid: StudyUid) -> None:
        """Count one more wait for images the source archive still has."""
        ...

    def move(self, study_uid: StudyUid, target: StudyState) -> None:
        """Change the state. Raises TransitionRefused."""
        ...

    def fail(self, study_uid: StudyUid, stage: Stage, failure: Failure) -> None:
        """Change the state to FAILED and keep the reason. Raises TransitionRefused."""
        ...

    def keep_failure(self, study_uid: StudyUid, stage: Stage, failure: Failure) -> None:
        """Keep the reason why a step failed although the study goes on, until it is measured anew."""
        ...

    def prioritise(self, study_uid: StudyUid, priority: StudyPriority) -> None:
        """Say how soon the study is worked on among those that wait. Raises StudyUnknown."""
        ...

    def take_as_bulk(self, study_uid: StudyUid, sources: Collection[str]) -> None:
        """Make the study BULK where it came from one of these AE titles and nobody has said anything else."""
        ...

    def describe(self, study_uid: StudyUid, facts: StudyFacts) -> None:
        """Keep what lists show of the study."""
        ...

    def last_event(self, study_uid: StudyUid) -> str:
        """Return what the newest line of the study's audit trail says happened, "" where there is none."""
        ...

    def note(self, study_uid: StudyUid, event: Event) -> None:
        """Add a line to the study's audit trail."""
        ...
