"""Rows of the quarantine, inside one transaction: what is held, what conflicts with an image in use, how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, exists, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from trabecula.domain.errors import InstanceConflict
from trabecula.domain.errors_of.copies import QuarantineEntryUnknown
from trabecula.domain.study.conflict import Conflict
from trabecula.domain.study.copies import QuarantineEntry, QuarantineState, StoredCopy
from trabecula.domain.study.jobs import Failure
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.changes import append_quarantine
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.tables import FormerCopy, Instance, Quarantine
from trabecula.ledger.texts import storable, storable_instance

_HELD = str(QuarantineState.HELD)
_ENTRY = (
    "id", "state", "code", "sentence", "sop_instance_uid", "sop_class_uid", "study_uid", "spool_key", "size_bytes",
    "sha256", "calling_ae_title", "association_id", "received_at", "last_received_at",
)  # fmt: skip
_COLUMNS = [getattr(Quarantine, name) for name in _ENTRY]


def is_conflict() -> ColumnElement[bool]:
    """Return the condition that a held row is another copy of an instance in use (joined as ``Instance``)."""
    return and_(
        Quarantine.state == _HELD,
        Quarantine.code == InstanceConflict.code,
        Quarantine.sop_instance_uid == Instance.sop_instance_uid,
        Quarantine.sha256 != Instance.sha256,
    )


class SqlQuarantineRows:
    """Implements domain.copy_ports.QuarantineRows on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, instance: ReceivedInstance, failure: Failure) -> bool:
        """Record an instance; False when the same bytes are held already (they are then noted as received again)."""
        instance = storable_instance(instance)
        inserted = upsert(Quarantine).values(
            sop_instance_uid=instance.sop_instance_uid,
            study_uid=instance.study_uid,
            sop_class_uid=instance.sop_class_uid,
            spool_key=instance.spool_key,
            size_bytes=instance.size_bytes,
            sha256=instance.sha256,
            calling_ae_title=instance.calling_ae_title,
            association_id=instance.association_id,
            received_at=instance.received_at,
            last_received_at=instance.received_at,
            code=failure.code,
            sentence=storable(failure.sentence),
        )
        # An update, not "do nothing": it waits for an operator who is ending this very entry, and then adds a new one.
        noted = inserted.on_conflict_do_update(
            index_elements=["sop_instance_uid", "sha256"],
            index_where=Quarantine.state == literal_column(f"'{_HELD}'"),
            set_={"last_received_at": inserted.excluded.last_received_at},
        )
        return bool(self._session.execute(noted.returning(literal_column("xmax = 0"))).scalar_one())

    def withdraw(self, instance: ReceivedInstance) -> None:
        """Take back what ``add`` added in this transaction."""
        instance = storable_instance(instance)
        self._session.execute(
            delete(Quarantine).where(
                Quarantine.sop_instance_uid == instance.sop_instance_uid,
                Quarantine.sha256 == instance.sha256,
                Quarantine.state == _HELD,
            )
        )

    def entries(self, numbers: Sequence[int], *, lock: bool = False) -> tuple[QuarantineEntry, ...]:
        """Return the entries with these numbers, in order. Raises QuarantineEntryUnknown."""
        query = select(*_COLUMNS).where(Quarantine.id.in_(numbers)).order_by(Quarantine.id)
        rows = self._session.execute(query.with_for_update() if lock else query).mappings().all()
        unknown = sorted(set(numbers) - {row["id"] for row in rows})
        if unknown:
            raise QuarantineEntryUnknown(f"number {unknown[0]}")
        return tuple(_entry(row) for row in rows)

    def conflicts(self, study_uid: StudyUid, *, lock: bool = False) -> tuple[Conflict, ...]:
        """Return what is held as another copy of an image of this study, the copy that came last first."""
        formerly = exists().where(
            FormerCopy.sop_instance_uid == Quarantine.sop_instance_uid, FormerCopy.sha256 == Quarantine.sha256
        )
        query = (
            select(
                *_COLUMNS,
                Instance.series_uid.label("series_uid"),
                Instance.spool_key.label("key_in_use"),
                Instance.sha256.label("sha256_in_use"),
                formerly.label("formerly_used"),
            )
            .join(Instance, is_conflict())
            .where(Instance.study_uid == study_uid)
            .order_by(Quarantine.last_received_at.desc(), Quarantine.id.desc())
        )
        rows = self._session.execute(query.with_for_update(of=Quarantine) if lock else query).mappings()
        return tuple(
            Conflict(
                _entry(row),
                StoredCopy(row["sop_instance_uid"], row["series_uid"], row["key_in_use"], row["sha256_in_use"]),
                study_uid,
                row["formerly_used"],
            )
            for row in rows
        )

    def close(self, number: int, state: QuarantineState, who: str, reason: str) -> None:
        """End an entry: what became of it, by whom and why."""
        ended = (
            update(Quarantine)
            .where(Quarantine.id == number)
            .values(state=str(state), closed_at=clock_timestamp(), closed_by=who, closed_reason=storable(reason))
        )
        study_uid = self._session.execute(ended.returning(Quarantine.study_uid)).scalar_one()
        append_quarantine(self._session.connection(), number, study_uid, state, who)


def _entry(row: Mapping[Any, Any]) -> QuarantineEntry:
    values = {name: row[name] for name in _ENTRY if name not in ("id", "state")}
    return QuarantineEntry(number=row["id"], state=QuarantineState(row["state"]), **values)
