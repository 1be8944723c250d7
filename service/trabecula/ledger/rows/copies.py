"""Rows that say which copy of each instance is in use, and which were, inside one transaction."""

from __future__ import annotations

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from trabecula.domain.study.copies import QuarantineEntry, StoredCopy
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid
from trabecula.ledger.tables import FormerCopy, Instance

_REMEMBERED = (
    "sop_instance_uid", "sha256", "spool_key", "size_bytes", "transfer_syntax_uid", "calling_ae_title",
    "association_id", "received_at",
)  # fmt: skip


class SqlCopyRows:
    """Implements domain.copy_ports.CopyRows on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def in_use(self, study_uid: StudyUid) -> tuple[StoredCopy, ...]:
        """Return the copies in use of a study, ordered by SOP Instance UID."""
        query = (
            select(Instance.sop_instance_uid, Instance.series_uid, Instance.spool_key, Instance.sha256)
            .where(Instance.study_uid == study_uid)
            .order_by(Instance.sop_instance_uid.collate("C"))
        )
        return tuple(
            StoredCopy(InstanceUid(row[0]), SeriesUid(row[1]), row[2], row[3]) for row in self._session.execute(query)
        )

    def replace(self, entry: QuarantineEntry, spool_key: str, transfer_syntax_uid: str, who: str) -> None:
        """Put the entry's bytes, now under ``spool_key``, into use; the former copy is remembered."""
        columns = [getattr(Instance, name) for name in _REMEMBERED]
        former = self._session.execute(
            select(*columns).where(Instance.sop_instance_uid == entry.sop_instance_uid).with_for_update()
        ).one()
        self._session.execute(insert(FormerCopy).values(**dict(zip(_REMEMBERED, former, strict=True)), replaced_by=who))
        self._session.execute(
            update(Instance)
            .where(Instance.sop_instance_uid == entry.sop_instance_uid)
            .values(
                sha256=entry.sha256,
                spool_key=spool_key,
                size_bytes=entry.size_bytes,
                transfer_syntax_uid=transfer_syntax_uid,
                calling_ae_title=entry.calling_ae_title,
                association_id=entry.association_id,
                received_at=entry.received_at,
            )
        )

    def is_named(self, sop_instance_uid: InstanceUid, spool_key: str) -> bool:
        """Return whether a file is the copy in use of an instance, or was."""
        return any(
            self._session.execute(
                select(exists().where(table.sop_instance_uid == sop_instance_uid, table.spool_key == spool_key))
            ).scalar_one()
            for table in (Instance, FormerCopy)
        )
