"""The ports of quarantine and corrected headers: rows of copies in the ledger, and their files in the spool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trabecula.domain.study.copies import (
    AttributeDifference,
    CopyDifference,
    PatientIdentity,
    QuarantineEntry,
    QuarantineState,
    StoredCopy,
)
from trabecula.domain.study.jobs import Failure
from trabecula.domain.study.study import ReceivedInstance


@dataclass(frozen=True)
class Conflict:
    """A held copy beside the copy in use. ``study_uid`` is the study whose image it is a copy of.

    ``formerly_used`` is true for bytes that were in use before an operator took others over.
    """

    entry: QuarantineEntry
    in_use: StoredCopy
    study_uid: str
    formerly_used: bool


class QuarantineRows(Protocol):
    """Instances that were acknowledged and are kept, but not used."""

    def add(self, instance: ReceivedInstance, failure: Failure) -> bool:
        """Record an instance; False when the same bytes are held already (they are then noted as received again)."""
        ...

    def entries(self, numbers: Sequence[int], *, lock: bool = False) -> tuple[QuarantineEntry, ...]:
        """Return the entries with these numbers, in order. Raises QuarantineEntryUnknown."""
        ...

    def conflicts(self, study_uid: str, *, lock: bool = False) -> tuple[Conflict, ...]:
        """Return what is held as another copy of an image of this study, the copy that came last first."""
        ...

    def close(self, number: int, state: QuarantineState, who: str, reason: str) -> None:
        """End an entry: what became of it, by whom and why."""
        ...


class CopyRows(Protocol):
    """Which copy of each instance is in use, and which were."""

    def in_use(self, study_uid: str) -> tuple[StoredCopy, ...]:
        """Return the copies in use of a study, ordered by SOP Instance UID."""
        ...

    def replace(self, entry: QuarantineEntry, spool_key: str, transfer_syntax_uid: str, who: str) -> None:
        """Put the entry's bytes, now under ``spool_key``, into use; the former copy is remembered."""
        ...

    def is_named(self, sop_instance_uid: str, spool_key: str) -> bool:
        """Return whether a file is the copy in use of an instance, or was."""
        ...


class CopyStore(Protocol):
    """The files of copies."""

    def compare(self, in_use: StoredCopy, newer: StoredCopy) -> CopyDifference:
        """Return how two copies differ; never raises for what a file holds."""
        ...

    def identity(self, copy: StoredCopy) -> PatientIdentity:
        """Return whom a file names. Raises SpoolObjectMissing, InstanceUnparsable."""
        ...

    def attributes(self, copy: StoredCopy) -> tuple[AttributeDifference, ...]:
        """Return what can be read of who and what a file shows, as name and value (``newer``); empty where nothing."""
        ...

    def received(self, entry: QuarantineEntry) -> ReceivedInstance:
        """Read a quarantined file as if it came now. Raises InstanceUnparsable, ReleaseRefused, SpoolObjectMissing."""
        ...

    def keep(self, instance: ReceivedInstance) -> str:
        """Make a quarantined file durable as the first copy of its instance and return its key; the file in quarantine
        stays. Raises InstanceConflict where other bytes are there, SpoolUnavailable, SpoolObjectMissing."""
        ...

    def put_beside(self, copy: StoredCopy) -> tuple[str, str]:
        """Make a quarantined file durable beside the first copy of its instance; return its key and transfer syntax.

        The file in quarantine stays. Raises SpoolUnavailable, SpoolObjectMissing.
        """
        ...

    def key_beside(self, copy: StoredCopy) -> str:
        """Return the key ``put_beside`` gives a copy."""
        ...

    def remove(self, spool_key: str) -> None:
        """Remove a file durably; nothing happens where there is none. Raises SpoolUnavailable."""
        ...
