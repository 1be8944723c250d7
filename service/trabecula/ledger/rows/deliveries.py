"""Rows of objects on their way to destinations, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trabecula.domain.delivery import CommitmentState, Delivery, DeliveryState, Destination
from trabecula.domain.language import Language
from trabecula.domain.results.result import ObjectKind
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.tables import ObjectDelivery, ResultObjectRow
from trabecula.ledger.texts import storable

_KIND_ORDER = [str(kind) for kind in ObjectKind]


class SqlDeliveryRows:
    """Implements domain.ports.rows.delivery.DeliveryRows on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def plan(self, study_uid: StudyUid, revision: int, destinations: Sequence[Destination]) -> tuple[str, ...]:
        """Plan a delivery for each kind of object a destination wants, in its language; return the destinations that
        have any.

        A revision that has no object in that language was made before it was wanted: then the English one is sent, or
        the one there is. What was planned once stays as it is.
        """
        query = select(ResultObjectRow).where(
            ResultObjectRow.study_uid == study_uid, ResultObjectRow.revision == revision, ResultObjectRow.rank == 0
        )
        objects = list(self._session.execute(query.order_by(ResultObjectRow.language)).scalars())
        wanted: list[str] = []
        for destination in destinations:
            for item in _in_language(objects, destination):
                self._session.execute(
                    upsert(ObjectDelivery)
                    .values(
                        study_uid=study_uid,
                        revision=revision,
                        destination=destination.name,
                        kind=item.kind,
                        sop_class_uid=item.sop_class_uid,
                        sop_instance_uid=item.sop_instance_uid,
                    )
                    .on_conflict_do_nothing()
                )
                if destination.name not in wanted:
                    wanted.append(destination.name)
        return tuple(wanted)

    def of(self, study_uid: StudyUid, revision: int, destination: str = "") -> tuple[Delivery, ...]:
        """Return the deliveries of a revision, all or those of one destination: SR, then SEG, then the picture."""
        query = select(ObjectDelivery).where(ObjectDelivery.study_uid == study_uid, ObjectDelivery.revision == revision)
        if destination:
            query = query.where(ObjectDelivery.destination == destination)
        return self._all(query.execution_options(populate_existing=True))

    def drop_unsent(self, study_uid: StudyUid, revision: int, destination: str) -> int:
        """Forget what a destination never got of a revision; return how many objects that were."""
        unsent = [str(state) for state in (DeliveryState.PENDING, DeliveryState.REFUSED, DeliveryState.FAILED)]
        gone = self._session.execute(
            delete(ObjectDelivery)
            .where(
                ObjectDelivery.study_uid == study_uid,
                ObjectDelivery.revision == revision,
                ObjectDelivery.destination == destination,
                ObjectDelivery.state.in_(unsent),
            )
            .returning(ObjectDelivery.kind)
        )
        return len(gone.all())

    def of_transaction(self, transaction_uid: str) -> tuple[Delivery, ...]:
        """Return the deliveries a storage commitment transaction asks for."""
        query = select(ObjectDelivery).where(
            ObjectDelivery.transaction_uid == transaction_uid, ObjectDelivery.transaction_uid != ""
        )
        return self._all(query.execution_options(populate_existing=True))

    def record(self, delivery: Delivery, next_attempt_s: float | None = None) -> None:
        """Write how a planned delivery stands now, and in how many seconds it is tried again (None: it is not)."""
        later = None if next_attempt_s is None else clock_timestamp() + timedelta(seconds=next_attempt_s)
        self._session.execute(
            update(ObjectDelivery)
            .where(
                ObjectDelivery.study_uid == delivery.study_uid,
                ObjectDelivery.revision == delivery.revision,
                ObjectDelivery.destination == delivery.destination,
                ObjectDelivery.kind == str(delivery.kind),
            )
            .values(
                sop_class_uid=delivery.sop_class_uid,
                sop_instance_uid=delivery.sop_instance_uid,
                state=str(delivery.state),
                status=delivery.status,
                error_code=delivery.error_code,
                comment=storable(delivery.comment),
                attempts=delivery.attempts,
                commitment=str(delivery.commitment),
                transaction_uid=delivery.transaction_uid,
                changed_at=clock_timestamp(),
                next_attempt_at=later,
            )
            .execution_options(synchronize_session=False)
        )

    def _all(self, query: object) -> tuple[Delivery, ...]:
        rows = self._session.execute(query).scalars().all()  # type: ignore[call-overload]
        return tuple(
            _delivery(row) for row in sorted(rows, key=lambda row: (row.destination, _KIND_ORDER.index(row.kind)))
        )


def _in_language(objects: Sequence[ResultObjectRow], destination: Destination) -> list[ResultObjectRow]:
    """One object of each kind that a destination wants."""
    found: dict[str, ResultObjectRow] = {}
    for item in sorted(objects, key=lambda item: _liking(item.language, destination.language)):
        if item.kind in destination.object_kinds:
            found.setdefault(item.kind, item)
    return list(found.values())


def _liking(language: str | None, wanted: Language) -> int:
    return 0 if language in (None, wanted) else 1 if language == Language.ENGLISH else 2


def _delivery(row: ObjectDelivery) -> Delivery:
    return Delivery(
        study_uid=StudyUid(row.study_uid),
        revision=row.revision,
        destination=row.destination,
        kind=ObjectKind(row.kind),
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=InstanceUid(row.sop_instance_uid),
        state=DeliveryState(row.state),
        status=row.status,
        error_code=row.error_code,
        comment=row.comment,
        attempts=row.attempts,
        commitment=CommitmentState(row.commitment),
        transaction_uid=row.transaction_uid,
    )
