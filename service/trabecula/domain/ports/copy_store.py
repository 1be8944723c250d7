"""The port of the files of copies in the spool."""

from __future__ import annotations

from typing import Protocol

from trabecula.domain.study.copies import (
    AttributeDifference,
    CopyDifference,
    PatientIdentity,
    QuarantineEntry,
    StoredCopy,
)
from trabecula.domain.study.study import ReceivedInstance


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
