"""The listener's way into the ledger: one transaction per instance, committed before it is acknowledged."""

from __future__ import annotations

from collections.abc import Mapping

from trabecula.domain.ports.ledger import OpenLedger
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid
from trabecula.pipeline import commitment_answered, register_instance


class LedgerRegistrar:
    """Implements domain.ports.Registrar."""

    def __init__(self, open_ledger: OpenLedger, quiet_s: float) -> None:
        self._open_ledger = open_ledger
        self._quiet_s = quiet_s

    def register(self, instance: ReceivedInstance) -> bool:
        """Return True when the instance is new, False for a repetition. Raises DatabaseUnavailable."""
        return register_instance(self._open_ledger, instance, self._quiet_s)

    def knows(self, sop_instance_uid: InstanceUid) -> bool:
        """Return whether an instance is recorded under this UID. Raises DatabaseUnavailable."""
        with self._open_ledger() as ledger:
            return ledger.studies.known_sha256(sop_instance_uid) is not None

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Record a storage commitment answer per SOP Instance UID. Raises DatabaseUnavailable."""
        commitment_answered(self._open_ledger, transaction_uid, committed)
