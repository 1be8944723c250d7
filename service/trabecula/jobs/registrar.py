"""The ways of the listener and of its journal into the ledger: a transaction for each instance, or for each batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from trabecula.domain.errors import DatabaseRefused
from trabecula.domain.ports.ledger import OpenLedger
from trabecula.domain.study.reception import ListenerStanding, ReceptionBatch
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.pipeline import commitment_answered, register_batch, register_instance, turn_away


class LedgerRegistrar:
    """Implements domain.ports.Registrar."""

    def __init__(self, open_ledger: OpenLedger, quiet_s: float) -> None:
        self._open_ledger = open_ledger
        self._quiet_s = quiet_s

    def register(self, instance: ReceivedInstance) -> bool:
        """Return True when the instance is new, False for a repetition. Raises DatabaseUnavailable."""
        return register_instance(self._open_ledger, instance, self._quiet_s)

    def turn_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        """Return which of these studies were deleted for good; count the images that came of them."""
        return turn_away(self._open_ledger, images)

    def knows(self, sop_instance_uid: InstanceUid) -> bool:
        """Return whether an instance is recorded under this UID. Raises DatabaseUnavailable."""
        with self._open_ledger() as ledger:
            return ledger.studies.known_sha256(sop_instance_uid) is not None

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Record a storage commitment answer per SOP Instance UID. Raises DatabaseUnavailable."""
        commitment_answered(self._open_ledger, transaction_uid, committed)


class LedgerReceptionRegister:
    """Implements domain.ports.reception.ReceptionRegister."""

    def __init__(self, open_ledger: OpenLedger, quiet_s: float) -> None:
        self._open_ledger = open_ledger
        self._quiet_s = quiet_s

    def register_batch(self, batch: ReceptionBatch) -> None:
        """Record what came, each record once. Raises DatabaseUnavailable, DatabaseRefused."""
        try:
            register_batch(self._open_ledger, batch, self._quiet_s)
        except SQLAlchemyError as error:
            # The kind alone: the database's own words quote values.
            cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            raise DatabaseRefused(type(cause).__name__) from error

    def registered(self, segment_uids: Sequence[str]) -> Mapping[str, int]:
        """Return the next sequence number of each segment that has any record registered."""
        with self._open_ledger() as ledger:
            return ledger.receptions.registered(segment_uids)

    def turn_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        """Return which of these studies were deleted for good; count the images that came of them."""
        return turn_away(self._open_ledger, images)

    def knows(self, sop_instance_uid: InstanceUid) -> bool:
        """Return whether an instance is recorded under this UID."""
        with self._open_ledger() as ledger:
            return ledger.studies.known_sha256(sop_instance_uid) is not None

    def publish(self, standing: ListenerStanding) -> None:
        """Say how far the listener is."""
        with self._open_ledger() as ledger:
            ledger.receptions.publish(standing)
            ledger.commit()

    def forget(self, segment_uid: str) -> None:
        """Forget how far a segment is, which no longer exists."""
        with self._open_ledger() as ledger:
            ledger.receptions.forget_segment(segment_uid)
            ledger.commit()
