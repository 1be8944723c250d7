"""Rows of retention, inside one transaction: what rules let go, what was removed, what came again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trabecula.domain.errors import StudyUnknown
from trabecula.domain.study.retention import (
    BegunRemoval,
    DueFiles,
    FileKind,
    HeldBy,
    RemovedImages,
    RetentionPolicy,
    ReturnedImage,
)
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.retention.tables import Removal, RemovedImage, Restore, RetentionHold
from trabecula.ledger.tables import FormerCopy, Instance, RevisionInstance, Study
from trabecula.ledger.texts import storable, storable_instance

REMOVAL_LOCK = 7_243_851_903
"""Shared by whoever removes files, alone for whoever makes a backup (pg_advisory_lock)."""

_HELD_BY = """
    CASE WHEN s.state = 'FAILED' THEN 'FAILED'
         WHEN s.state NOT IN ('DONE', 'CANCELLED') THEN 'OPEN'
         WHEN EXISTS (SELECT FROM retention_holds h WHERE h.study_uid = s.study_uid) THEN 'HOLD'
         WHEN EXISTS (SELECT FROM backlog b WHERE b.study_uid = s.study_uid)
           OR EXISTS (SELECT FROM procrastinate_jobs j
                      WHERE j.status IN ('todo', 'doing') AND j.args ->> 'study_uid' = s.study_uid) THEN 'BUSY'
         WHEN EXISTS (SELECT FROM quarantine q WHERE q.state = 'HELD' AND q.study_uid = s.study_uid)
           OR EXISTS (SELECT FROM instances i JOIN quarantine q USING (sop_instance_uid)
                      WHERE i.study_uid = s.study_uid AND q.state = 'HELD') THEN 'QUARANTINE'
         WHEN EXISTS (SELECT FROM events e
                      WHERE e.study_uid = s.study_uid AND e.revision = s.revision AND e.what = 'WITHHELD')
              AND EXISTS (SELECT FROM instances i WHERE i.study_uid = s.study_uid) THEN 'WITHHELD'
         WHEN EXISTS (SELECT FROM object_deliveries d
                      WHERE d.study_uid = s.study_uid AND d.revision = s.revision AND d.state <> 'CONFIRMED'
                        AND NOT (d.state = 'SENT' AND d.destination = ANY(CAST(:unasked AS text[]))))
         THEN 'UNCONFIRMED' END
"""
_NOT_REMOVED = """
    NOT EXISTS (SELECT FROM removals v WHERE v.study_uid = s.study_uid AND v.kind = :kind
                  AND v.revision = {revision} AND v.undone_at IS NULL)
"""
_AGED = {
    FileKind.IMAGES: f"""
        SELECT s.study_uid, 0 AS revision,
               greatest(s.last_image_at, coalesce(r.done_at, s.changed_at)) AS touched,
               (SELECT coalesce(sum(i.size_bytes), 0) FROM instances i WHERE i.study_uid = s.study_uid) AS size_bytes,
               {_HELD_BY} AS held_by
        FROM studies s LEFT JOIN revisions r ON r.study_uid = s.study_uid AND r.revision = s.revision
        WHERE {_NOT_REMOVED.format(revision="0")}
          AND EXISTS (SELECT FROM instances i WHERE i.study_uid = s.study_uid)
    """,
    FileKind.RESULTS: f"""
        SELECT s.study_uid, r.revision, coalesce(r.done_at, r.reported_at, r.analysed_at) AS touched, 0 AS size_bytes,
               {_HELD_BY} AS held_by
        FROM revisions r JOIN studies s ON s.study_uid = r.study_uid
        WHERE r.analysed_at IS NOT NULL AND {_NOT_REMOVED.format(revision="r.revision")}
    """,
}


def aged_files(kind: FileKind, *, held: bool) -> str:
    """Return the query of what is older than ``:days``: what nothing holds back, or (``held``) the rest.

    Parameters: ``kind``, ``days``, ``unasked``, ``study_uid`` (empty: all), ``most``.
    """
    return (
        f"SELECT * FROM ({_AGED[kind]}) aged WHERE touched < clock_timestamp() - :days * interval '1 day' "
        f"AND held_by IS {'NOT ' if held else ''}NULL AND (:study_uid = '' OR study_uid = :study_uid) "
        "ORDER BY touched, study_uid, revision LIMIT :most"
    )


class SqlRetentionRows:
    """Implements domain.ports.rows.retention on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def may_remove(self) -> bool:
        """Return whether files may be removed until the end of this transaction: no backup is being made."""
        return bool(self._session.execute(select(func.pg_try_advisory_xact_lock_shared(REMOVAL_LOCK))).scalar_one())

    def old_enough(
        self, kind: FileKind, policy: RetentionPolicy, limit: int, study_uid: StudyUid | None = None
    ) -> tuple[DueFiles, ...]:
        """Return what nothing holds back, the oldest first; none where the policy keeps this kind for ever."""
        days = policy.days(kind)
        if days is None:
            return ()
        values = {"kind": str(kind), "days": days, "unasked": sorted(policy.unasked), "most": limit}
        rows = self._session.execute(text(aged_files(kind, held=False)), values | {"study_uid": study_uid or ""})
        return tuple(due_files(kind, row) for row in rows)

    def begin(self, due: DueFiles, rule: str) -> int:
        """Record that files are removed from now on; return the number of the removal."""
        row = insert(Removal).values(
            study_uid=due.study_uid, kind=str(due.kind), revision=due.revision, rule=rule, size_bytes=due.size_bytes
        )
        number = self._session.execute(row.returning(Removal.id)).scalar_one()
        if due.kind is FileKind.IMAGES:
            all_of_it = select(Instance.sop_instance_uid, Instance.study_uid).where(Instance.study_uid == due.study_uid)
            gone = upsert(RemovedImage).from_select(["sop_instance_uid", "study_uid"], all_of_it)
            self._session.execute(gone.on_conflict_do_nothing())
        return number

    def begun(self) -> tuple[BegunRemoval, ...]:
        """Return what was begun and not ended, the oldest first; also where some of its images came again since."""
        query = select(Removal).where(Removal.ended_at.is_(None)).order_by(Removal.id)
        return tuple(
            BegunRemoval(row.id, FileKind(row.kind), StudyUid(row.study_uid), row.revision, row.rule)
            for row in self._session.execute(query).scalars()
        )

    def image_files(self, study_uid: StudyUid) -> tuple[tuple[InstanceUid, str], ...]:
        """Return instance and spool key of every copy of the study's removed images; locks them until commit."""
        locked = select(RemovedImage.sop_instance_uid).where(RemovedImage.study_uid == study_uid).with_for_update()
        uids = list(self._session.execute(locked).scalars())
        found: set[tuple[InstanceUid, str]] = set()
        for table in (Instance, FormerCopy, RevisionInstance):
            query = select(table.sop_instance_uid, table.spool_key).where(table.sop_instance_uid.in_(uids))
            found |= {(InstanceUid(uid), key) for uid, key in self._session.execute(query)}
        return tuple(sorted(found))

    def end(self, removal: BegunRemoval, size_bytes: int) -> None:
        """Confirm that the files of a removal are gone; what a killed run removed before stays counted as planned."""
        row = update(Removal).where(Removal.id == removal.number)
        self._session.execute(
            row.values(ended_at=clock_timestamp(), size_bytes=func.greatest(Removal.size_bytes, size_bytes))
        )

    def removed_images(self, study_uid: StudyUid) -> RemovedImages:
        """Return how many images of the study are not here any more."""
        query = select(func.count(), func.max(RemovedImage.removed_at)).where(RemovedImage.study_uid == study_uid)
        count, removed_at = self._session.execute(query).one()
        if not count:
            return RemovedImages()
        rules = select(Removal.rule).where(Removal.study_uid == study_uid, Removal.kind == str(FileKind.IMAGES))
        rule = self._session.execute(rules.order_by(Removal.id.desc()).limit(1)).scalar_one_or_none()
        return RemovedImages(count, removed_at, rule or "")

    def results_rule(self, study_uid: StudyUid, revision: int) -> str | None:
        """Return when and by which rule the files of a revision were removed, None where they are here."""
        query = select(Removal.begun_at, Removal.rule).where(
            Removal.study_uid == study_uid,
            Removal.revision == revision,
            Removal.kind == str(FileKind.RESULTS),
            Removal.undone_at.is_(None),
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else f"revision {revision}, removed on {row[0]:%Y-%m-%d} ({row[1]})"

    def returned(self, instances: Sequence[ReceivedInstance]) -> tuple[ReturnedImage, ...]:
        """Take those of the instances into use again whose files had been removed; return them.

        Nothing is left to compare with, so whatever bytes come under a UID now are the image; a revision keeps the
        digest of those it was made from.
        """
        by_uid = {instance.sop_instance_uid: storable_instance(instance) for instance in reversed(instances)}
        query = (
            select(RemovedImage.sop_instance_uid, Study.study_uid, Study.state, Study.failed_stage)
            .join(Study, Study.study_uid == RemovedImage.study_uid)
            .where(RemovedImage.sop_instance_uid.in_(list(by_uid)))
            .order_by(RemovedImage.sop_instance_uid)
            .with_for_update(of=RemovedImage)
        )
        found = self._session.execute(query).all() if by_uid else []
        for uid, *_ in found:
            self._take_again(by_uid[InstanceUid(uid)])
        for study_uid in sorted({row[1] for row in found}):
            undone = update(Removal).where(Removal.study_uid == study_uid, Removal.kind == str(FileKind.IMAGES))
            self._session.execute(undone.where(Removal.undone_at.is_(None)).values(undone_at=clock_timestamp()))
            touched = update(Study).where(Study.study_uid == study_uid)
            self._session.execute(touched.values(last_image_at=func.greatest(Study.last_image_at, clock_timestamp())))
        return tuple(
            ReturnedImage(InstanceUid(uid), StudyUid(study_uid), state == "RECEIVING" or stage == "settle")
            for uid, study_uid, state, stage in found
        )

    def _take_again(self, instance: ReceivedInstance) -> None:
        uid = instance.sop_instance_uid
        columns = ("spool_key", "size_bytes", "sha256", "transfer_syntax_uid", "calling_ae_title", "association_id")
        values = {name: getattr(instance, name) for name in columns} | {"received_at": instance.received_at}
        self._session.execute(update(Instance).where(Instance.sop_instance_uid == uid).values(**values))
        self._session.execute(delete(RemovedImage).where(RemovedImage.sop_instance_uid == uid))

    def mark_absent(self, sop_instance_uids: Sequence[InstanceUid], rule: str) -> int:
        """Record that the files of instances are not here; return how many there were."""
        here = select(Instance.sop_instance_uid, Instance.study_uid).where(
            Instance.sop_instance_uid.in_(list(sop_instance_uids))
        )
        gone = upsert(RemovedImage).from_select(["sop_instance_uid", "study_uid"], here).on_conflict_do_nothing()
        studies = set(self._session.execute(gone.returning(RemovedImage.study_uid)).scalars())
        now = clock_timestamp()
        for study_uid in sorted(studies):
            row = upsert(Removal).values(study_uid=study_uid, kind=str(FileKind.IMAGES), rule=rule, ended_at=now)
            self._session.execute(row.on_conflict_do_nothing())
        return len(studies)

    def was_restored(self) -> bool:
        """Return whether this ledger was ever put in place from a backup: then files may be newer than it."""
        return self._session.execute(select(Restore.id).limit(1)).one_or_none() is not None

    def hold(self, study_uid: StudyUid, who: str, reason: str) -> None:
        """Keep everything of a study until the hold is lifted. Raises StudyUnknown."""
        locked = select(Study.study_uid).where(Study.study_uid == study_uid).with_for_update(key_share=True)
        if self._session.execute(locked).one_or_none() is None:
            raise StudyUnknown(study_uid)
        row = upsert(RetentionHold).values(study_uid=study_uid, held_by=who, reason=storable(reason))
        self._session.execute(row.on_conflict_do_nothing())

    def unhold(self, study_uid: StudyUid) -> bool:
        """Lift the hold; False where there was none."""
        gone = delete(RetentionHold).where(RetentionHold.study_uid == study_uid).returning(RetentionHold.study_uid)
        return self._session.execute(gone).one_or_none() is not None

    def held(self, study_uid: StudyUid) -> str | None:
        """Return who holds the study and why, None where nobody does."""
        query = select(RetentionHold.held_by, RetentionHold.reason).where(RetentionHold.study_uid == study_uid)
        row = self._session.execute(query).one_or_none()
        return None if row is None else f"{row[0]}: {row[1]}"


def due_files(kind: FileKind, row: Row[Any]) -> DueFiles:
    """Return what a row of ``aged_files`` says."""
    return DueFiles(
        kind=kind,
        study_uid=StudyUid(row.study_uid),
        revision=row.revision,
        last_touched=row.touched,
        size_bytes=int(row.size_bytes),
        held_by=HeldBy(row.held_by) if row.held_by else None,
    )
