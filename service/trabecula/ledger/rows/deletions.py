"""Rows of deletion, inside one transaction: tombstones, and what goes with a study that is deleted for good."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.backup import BackupInvalid
from trabecula.domain.study.deletion import Tombstone, tombstone_key
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.ledger.audit.appending import append
from trabecula.ledger.audit.changes import append_change
from trabecula.ledger.audit.pseudonyms import forget_names, lock_study
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.database import driver_connection
from trabecula.ledger.retention.tables import DeletedStudy, TombstoneKey
from trabecula.ledger.tables import FormerCopy, Instance, RevisionInstance, Study
from trabecula.ledger.texts import storable

_QUARANTINED = """
    (q.study_uid = :uid OR q.sop_instance_uid IN (SELECT sop_instance_uid FROM instances WHERE study_uid = :uid))
"""
_OWN_REFERENCES = """
    EXISTS (SELECT FROM studies s WHERE s.study_uid = :uid AND s.patient_id <> ''
              AND r.patient_id = s.patient_id AND r.issuer IN ('', s.patient_id_issuer)
              AND NOT EXISTS (SELECT FROM studies o WHERE o.study_uid <> s.study_uid AND o.patient_id = s.patient_id
                                AND (r.issuer = '' OR o.patient_id_issuer = s.patient_id_issuer)))
"""
_COUNTS = text(
    f"""
    SELECT (SELECT count(*) FROM instances WHERE study_uid = :uid) AS images,
           (SELECT count(*) FROM revisions WHERE study_uid = :uid) AS revisions,
           (SELECT count(*) FROM quarantine q WHERE {_QUARANTINED}) AS quarantined,
           (SELECT count(*) FROM reference_results r WHERE {_OWN_REFERENCES}) AS reference_results,
           (SELECT coalesce(sum(size_bytes), 0) FROM instances WHERE study_uid = :uid) AS size_bytes
    """
)
_FORGET = tuple(
    text(statement)
    for statement in (
        f"DELETE FROM reference_results r WHERE {_OWN_REFERENCES}",
        f"DELETE FROM quarantine q WHERE {_QUARANTINED}",
        "DELETE FROM refused_instances WHERE study_uid = :uid",
        "DELETE FROM backlog WHERE study_uid = :uid",
        "DELETE FROM procrastinate_jobs WHERE args ->> 'study_uid' = :uid AND status NOT IN ('todo', 'doing')",
        "DELETE FROM revision_instances WHERE study_uid = :uid",
        "DELETE FROM studies WHERE study_uid = :uid",
    )
)
_END_JOBS = text(
    "UPDATE procrastinate_jobs SET status = 'failed' WHERE status = 'doing' AND args ->> 'study_uid' = :uid"
)
_FILES_IN_QUARANTINE = text(
    f"""
    SELECT DISTINCT q.spool_key FROM quarantine q WHERE {_QUARANTINED}
      AND q.spool_key LIKE 'quarantine/%'
      AND NOT EXISTS (SELECT FROM quarantine o WHERE o.spool_key = q.spool_key AND o.state = 'HELD'
                        AND o.study_uid <> q.study_uid)
    """
)


class SqlDeletionRows:
    """Implements domain.ports.rows.deletion on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def bury(self, study_uid: StudyUid, who: str, reason: str, key: str = "") -> None:
        """Put up the tombstone with what the study holds now, and take back what waits for it; rows stay so far."""
        made = upsert(TombstoneKey).values(one=1, key=key or secrets.token_hex(32)).on_conflict_do_nothing()
        self._session.execute(made)
        counts = dict(self._session.execute(_COUNTS, {"uid": study_uid}).mappings().one())
        again = {"ended_at": None, "allowed_at": None, "begun_at": clock_timestamp()}
        told = {"study_uid": study_uid, "deleted_by": storable(who), "reason": storable(reason)}
        row = upsert(DeletedStudy).values(study_key=self._key_of(study_uid), **told, **counts)
        self._session.execute(row.on_conflict_do_update(index_elements=["study_key"], set_=told | counts | again))
        self._session.execute(text("DELETE FROM backlog WHERE study_uid = :uid"), {"uid": study_uid})
        append_change(self._session.connection(), AuditAction.STUDY_DELETED, who, studies=(study_uid,))

    def tombstone(self, study_uid: StudyUid) -> Tombstone | None:
        """Return the tombstone of a study, None where it was never deleted."""
        row = self._session.get(DeletedStudy, self._key_of(study_uid), populate_existing=True)
        return _tombstone(row) if row else None

    def tombstones(self) -> tuple[str, tuple[Tombstone, ...]]:
        """Return the key, "" where there is none yet, and every tombstone."""
        key = self._key()
        rows = self._session.execute(select(DeletedStudy).order_by(DeletedStudy.begun_at)).scalars()
        return (key.hex() if key else ""), tuple(_tombstone(row) for row in rows)

    def adopt(self, key: str, tombstones: Sequence[Tombstone]) -> None:
        """Take over tombstones of a log that the ledger does not know, as deletions that have ended.

        Raises BackupInvalid where the ledger keeps its own under another key.
        """
        self._session.execute(upsert(TombstoneKey).values(one=1, key=key).on_conflict_do_nothing())
        if self._key() != bytes.fromhex(key):
            raise BackupInvalid("the log of deletions is of another installation")
        for item in tombstones:
            values = asdict(item) | {"ended_at": item.ended_at or item.begun_at}
            allowed = {name: values[name] for name in ("allowed_at", "allowed_by", "allowed_reason")}
            row = upsert(DeletedStudy).values(**values)
            row = row.on_conflict_do_update(
                index_elements=["study_key"], set_=allowed, where=DeletedStudy.begun_at <= item.begun_at
            )
            self._session.execute(row)

    def study_uids(self) -> Iterator[StudyUid]:
        """Return every study of the ledger."""
        for uid in self._session.execute(select(Study.study_uid)).scalars():
            yield StudyUid(uid)

    def end_jobs(self, study_uid: StudyUid) -> None:
        """Take the running jobs of a study as ended: their workers do not exist in a ledger that was restored."""
        self._session.execute(_END_JOBS, {"uid": study_uid})

    def unfinished(self) -> tuple[StudyUid, ...]:
        """Return the studies whose deletion has begun and not ended."""
        query = select(DeletedStudy.study_uid).where(DeletedStudy.study_uid != "").order_by(DeletedStudy.begun_at)
        return tuple(StudyUid(uid) for uid in self._session.execute(query).scalars())

    def is_worked_on(self, study_uid: StudyUid) -> bool:
        """Return whether a job of the study runs."""
        query = text(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'doing' AND args ->> 'study_uid' = :uid)"
        )
        return bool(self._session.execute(query, {"uid": study_uid}).scalar_one())

    def image_files(self, study_uid: StudyUid) -> tuple[tuple[InstanceUid, str], ...]:
        """Return instance and spool key of every copy of the study's images."""
        uids = select(Instance.sop_instance_uid).where(Instance.study_uid == study_uid)
        found: set[tuple[InstanceUid, str]] = set()
        for table in (Instance, FormerCopy, RevisionInstance):
            query = select(table.sop_instance_uid, table.spool_key).where(table.sop_instance_uid.in_(uids))
            found |= {(InstanceUid(uid), key) for uid, key in self._session.execute(query)}
        return tuple(sorted(found))

    def quarantine_files(self, study_uid: StudyUid) -> tuple[str, ...]:
        """Return the spool keys in quarantine that are of the study and of no other."""
        return tuple(self._session.execute(_FILES_IN_QUARANTINE, {"uid": study_uid}).scalars())

    def forget(self, study_uid: StudyUid) -> None:
        """Delete every row of the study, and references of a patient of whom no other study is here.

        The keys go by which the audit log names the study, and persons of whom nothing else is here.
        """
        connection = driver_connection(self._session.connection())
        lock_study(connection, study_uid)
        for statement in _FORGET:
            self._session.execute(statement, {"uid": study_uid})
        persons = forget_names(connection, study_uid)
        if persons:
            words = f"keys of {persons} pseudonyms of persons destroyed"
            forgotten = entry_of(AuditAction.PERSON_FORGOTTEN, "system", subject=self._key_of(study_uid), detail=words)
            append(self._session.connection(), forgotten)

    def close(self, study_uid: StudyUid) -> None:
        """End the deletion: the UID itself goes."""
        row = update(DeletedStudy).where(DeletedStudy.study_key == self._key_of(study_uid))
        self._session.execute(row.values(ended_at=clock_timestamp(), study_uid=""))

    def turned_away(self, images: Mapping[StudyUid, int]) -> frozenset[StudyUid]:
        """Return which of these studies were deleted and may not come again; count the images that came of them."""
        key = self._key() if images else None
        if key is None:
            return frozenset()
        keys = {tombstone_key(key, study_uid): study_uid for study_uid in images}
        query = select(DeletedStudy.study_key).where(
            DeletedStudy.study_key.in_(list(keys)), DeletedStudy.allowed_at.is_(None)
        )
        found = sorted(self._session.execute(query).scalars())
        counted = update(DeletedStudy).where(DeletedStudy.study_key == bindparam("its_key"))
        counted = counted.values(dropped=DeletedStudy.dropped + bindparam("came"), dropped_at=func.clock_timestamp())
        for study_key in found:
            values = {"its_key": study_key, "came": images[keys[study_key]]}
            self._session.execute(counted.execution_options(synchronize_session=False), values)
        return frozenset(keys[study_key] for study_key in found)

    def allow(self, study_uid: StudyUid, who: str, reason: str) -> bool:
        """Let a deleted study come again as a new one; False where none was deleted."""
        row = update(DeletedStudy).where(DeletedStudy.study_key == self._key_of(study_uid))
        told = {"allowed_at": clock_timestamp(), "allowed_by": storable(who), "allowed_reason": storable(reason)}
        changed = self._session.execute(row.values(**told).returning(DeletedStudy.study_key)).scalar_one_or_none()
        if changed is not None:
            append_change(self._session.connection(), AuditAction.STUDY_ALLOWED, who, subject=changed)
        return changed is not None

    def _key(self) -> bytes | None:
        found = self._session.execute(select(TombstoneKey.key)).scalar_one_or_none()
        return bytes.fromhex(found) if found else None

    def _key_of(self, study_uid: StudyUid) -> str:
        key = self._key()
        return tombstone_key(key, study_uid) if key else ""


def _tombstone(row: DeletedStudy) -> Tombstone:
    return Tombstone(**{item.name: getattr(row, item.name) for item in fields(Tombstone)})
