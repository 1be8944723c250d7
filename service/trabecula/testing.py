"""A registrar that remembers in memory, for trials without a ledger; it keeps the promises of the port."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid


class MemoryRegistrar:
    """Implements domain.ports.Registrar; everything is lost with the process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: dict[str, ReceivedInstance] = {}
        self._quarantined: dict[str, ReceivedInstance] = {}
        self._commitments: dict[str, dict[str, bool]] = {}

    def register(self, instance: ReceivedInstance) -> bool:
        """Remember an instance under its SOP Instance UID, a faulty one under its spool key; True when new."""
        with self._lock:
            known = self._quarantined if instance.fault else self._instances
            key = instance.spool_key if instance.fault else instance.sop_instance_uid
            if key in known:
                return False
            known[key] = instance
            return True

    def knows(self, sop_instance_uid: InstanceUid) -> bool:
        """Return whether an instance is remembered under this UID."""
        with self._lock:
            return sop_instance_uid in self._instances

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Remember the answer of a transaction."""
        with self._lock:
            self._commitments.setdefault(transaction_uid, {}).update(committed)

    @property
    def instances(self) -> tuple[ReceivedInstance, ...]:
        """The instances that were kept, in the order they came."""
        with self._lock:
            return tuple(self._instances.values())

    @property
    def quarantined(self) -> tuple[ReceivedInstance, ...]:
        """The instances with a fault, in the order they came."""
        with self._lock:
            return tuple(self._quarantined.values())

    @property
    def commitments(self) -> Mapping[str, Mapping[str, bool]]:
        """Answers per transaction UID."""
        with self._lock:
            return {transaction: dict(answers) for transaction, answers in self._commitments.items()}
