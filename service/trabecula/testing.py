"""A registrar that remembers in memory, for trials without a ledger; it keeps the promises of both its ports."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from trabecula.domain.errors import InstanceConflict
from trabecula.domain.study.reception import CommitmentAnswer, ListenerStanding, ReceptionBatch, RefusedInstance
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid, StudyUid


class MemoryRegistrar:
    """Implements domain.ports.registrar.Registrar and domain.ports.reception.ReceptionRegister. Thread-safe.

    Everything is lost with the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: dict[str, ReceivedInstance] = {}
        self._quarantined: dict[str, ReceivedInstance] = {}
        self._commitments: dict[str, dict[str, bool]] = {}
        self._refused: dict[str, RefusedInstance] = {}
        self._segments: dict[str, int] = {}
        self.deleted: set[StudyUid] = set()
        """Studies that are turned away."""
        self.standings: list[ListenerStanding] = []
        """What listeners said of themselves, in order."""

    def register(self, instance: ReceivedInstance) -> bool:
        """Remember an instance under its SOP Instance UID, a faulty one under its spool key; True when new."""
        with self._lock:
            known = self._quarantined if instance.fault else self._instances
            key = instance.spool_key if instance.fault else instance.sop_instance_uid
            if key in known:
                return False
            known[key] = instance
            return True

    def turn_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        """Return which of these studies are in ``deleted``."""
        return frozenset(images) & self.deleted

    def knows(self, sop_instance_uid: InstanceUid) -> bool:
        """Return whether an instance is remembered under this UID."""
        with self._lock:
            return sop_instance_uid in self._instances

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Remember the answer of a transaction."""
        with self._lock:
            self._commitments.setdefault(transaction_uid, {}).update(committed)

    def register_batch(self, batch: ReceptionBatch) -> None:
        """Remember what a journal holds, each record once."""
        first = self._segments.get(batch.segment_uid, 0)
        for number, entry in batch.entries:
            if number < first:
                continue
            if isinstance(entry, CommitmentAnswer):
                self.commitment_answered(entry.transaction_uid, entry.committed)
            elif isinstance(entry, RefusedInstance):
                with self._lock:
                    self._refused[entry.sop_instance_uid] = entry
            else:
                known = self._instances.get(entry.sop_instance_uid)
                if not entry.fault and known is not None and known.sha256 != entry.sha256:
                    entry = replace(entry, fault=f"{InstanceConflict.code}: {InstanceConflict().sentence}")
                self.register(entry)
        with self._lock:
            self._segments[batch.segment_uid] = max(first, batch.next_sequence)

    def registered(self, segment_uids: Sequence[str]) -> Mapping[str, int]:
        """Return the next sequence number of each segment that has any record registered."""
        with self._lock:
            return {uid: self._segments[uid] for uid in segment_uids if uid in self._segments}

    def publish(self, standing: ListenerStanding) -> None:
        """Remember how far a listener is."""
        with self._lock:
            self.standings.append(standing)

    def forget(self, segment_uid: str) -> None:
        """Forget how far a segment is."""
        with self._lock:
            self._segments.pop(segment_uid, None)

    @property
    def refused(self) -> tuple[RefusedInstance, ...]:
        """The refused instances, each as it was refused last."""
        with self._lock:
            return tuple(self._refused.values())

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
