"""The port of the rows of listeners and refusals, inside one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from trabecula.domain.study.reception import ListenerLag, ListenerStanding, RefusedInstance, RefusedStanding
from trabecula.domain.uids import StudyUid


class HostTimes(Protocol):
    """Reads times of this host's clock on the database's, which stands for all hosts."""

    def not_before(self, host_time: datetime) -> datetime:
        """Return the time on the database's clock; never too early."""
        ...

    def not_after(self, host_time: datetime) -> datetime:
        """Return the time on the database's clock; never too late."""
        ...


class ReceptionRows(Protocol):
    """Listeners, how far their journals are registered, and what was refused."""

    def host_times(self) -> HostTimes:
        """Return the translation of this host's times, from one look at both clocks."""
        ...

    def next_sequence(self, journal_uid: str, segment_uid: str) -> int:
        """Return the first record of a segment that is not registered; nobody else registers it until commit."""
        ...

    def registered(self, segment_uids: Sequence[str]) -> Mapping[str, int]:
        """Return the first record that is not registered, of each segment that has any that is."""
        ...

    def advance(self, segment_uid: str, next_sequence: int) -> None:
        """Say that every record before ``next_sequence`` is registered."""
        ...

    def forget_segment(self, segment_uid: str) -> None:
        """Forget a segment that no longer exists."""
        ...

    def add_refusals(self, refusals: Sequence[RefusedInstance]) -> None:
        """Record refused instances (times on the database's clock); of one refused before, the later time counts."""
        ...

    def refused(self, study_uid: StudyUid) -> RefusedStanding:
        """Return how many refused instances of a study have not come since, and how long ago the last refusal was."""
        ...

    def publish(self, standing: ListenerStanding) -> None:
        """Say how far a listener is."""
        ...

    def behind(self, study_uid: StudyUid, quiet_s: float) -> tuple[ListenerLag, ...]:
        """Return the listeners that are not past the quiet time after a study's last image."""
        ...
