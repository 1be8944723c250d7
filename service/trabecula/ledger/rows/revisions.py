"""Rows of frozen revisions, their results and the identities of their objects, inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, aliased

from trabecula.domain.delivery import DeliveryState
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.identity import digest
from trabecula.domain.language import Language
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.results.result_json import from_json, to_json
from trabecula.domain.sop_classes import SEGMENTATION_CLASSES
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.reception import ReceptionGaps
from trabecula.domain.study.standing import StoredInstance
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.rows.results import rows_of
from trabecula.ledger.tables import (
    EventRow,
    Instance,
    ObjectDelivery,
    ResultObjectRow,
    Revision,
    RevisionInstance,
    Study,
)

_PERSON = ("patient_id", "patient_id_issuer", "birth_date", "sex")
_MOST_EARLIER = 20
_ASKED_FOR = ("REPROCESSED", "RETRIED", "LEVELS_NAMED", "LEVEL_NAMES_WITHDRAWN", "CORRECTED")


class SqlRevisionRows:
    """Implements domain.ports.rows.revision.RevisionRows on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def freeze(self, study_uid: StudyUid, gaps: ReceptionGaps) -> int:
        """Freeze the present instances as the study's next revision and return its number.

        What a reader named holds for it too: a vertebra stays what it is when images come.
        """
        newest = select(func.coalesce(func.max(Revision.revision), 0)).where(Revision.study_uid == study_uid)
        revision = self._session.execute(newest).scalar_one() + 1
        uids = self._current_uids(study_uid)
        before = self.correction(study_uid, revision - 1)
        self._session.execute(
            insert(Revision).values(
                study_uid=study_uid,
                revision=revision,
                instance_digest=digest(uids),
                refused=gaps.refused,
                damaged=gaps.damaged,
                silent_listeners=list(gaps.silent_listeners),
                correction=before.to_json() if before else None,
            )
        )
        self._session.execute(
            insert(RevisionInstance).from_select(
                ["study_uid", "revision", "sop_instance_uid", "spool_key", "sha256"],
                select(
                    literal(study_uid),
                    literal(revision),
                    Instance.sop_instance_uid,
                    Instance.spool_key,
                    Instance.sha256,
                ).where(Instance.study_uid == study_uid),
            )
        )
        self._session.execute(update(Study).where(Study.study_uid == study_uid).values(revision=revision))
        return revision

    def correction(self, study_uid: StudyUid, revision: int) -> LevelCorrection | None:
        """Return how a reader named the levels of a revision, or None."""
        row = self._row(study_uid, revision)
        return LevelCorrection.from_json(row.correction) if row is not None and row.correction else None

    def correct(self, study_uid: StudyUid, revision: int, correction: LevelCorrection | None) -> None:
        """Keep with a revision how a reader named its levels; None takes the names back."""
        key = (Revision.study_uid == study_uid, Revision.revision == revision)
        kept = correction.to_json() if correction else None
        self._session.execute(update(Revision).where(*key).values(correction=kept))

    def outlines_from(self, study_uid: StudyUid, revision: int, ae_titles: Collection[str]) -> tuple[InstanceUid, ...]:
        """Return the DICOM SEGs of a revision that came from these AE titles, the one that came last first."""
        if not ae_titles:
            return ()
        query = (
            select(Instance.sop_instance_uid)
            .join(RevisionInstance, RevisionInstance.sop_instance_uid == Instance.sop_instance_uid)
            .where(
                RevisionInstance.study_uid == study_uid,
                RevisionInstance.revision == revision,
                Instance.sop_class_uid.in_(SEGMENTATION_CLASSES),
                Instance.calling_ae_title.in_(ae_titles),
            )
            .order_by(Instance.received_at.desc(), Instance.sop_instance_uid)
        )
        return tuple(InstanceUid(uid) for uid in self._session.execute(query).scalars())

    def gaps(self, study_uid: StudyUid, revision: int) -> ReceptionGaps:
        """Return what was known to lack when the revision was frozen."""
        row = self._row(study_uid, revision)
        if row is None:
            return ReceptionGaps()
        return ReceptionGaps(row.refused, tuple(row.silent_listeners), row.damaged)

    def is_current_set(self, study_uid: StudyUid, revision: int) -> bool:
        """Return whether the revision holds exactly the instances the study has now, each in the copy in use now."""
        frozen = select(RevisionInstance.sop_instance_uid, RevisionInstance.sha256).where(
            RevisionInstance.study_uid == study_uid, RevisionInstance.revision == revision
        )
        now = select(Instance.sop_instance_uid, Instance.sha256).where(Instance.study_uid == study_uid)
        known = self._row(study_uid, revision) is not None
        return known and set(self._session.execute(frozen)) == set(self._session.execute(now))

    def instances(self, study_uid: StudyUid, revision: int) -> tuple[StoredInstance, ...]:
        """Return the instances of a revision in the copies it was frozen with, ordered by SOP Instance UID."""
        query = (
            select(RevisionInstance.spool_key, Instance.sop_instance_uid, Instance.sop_class_uid, Instance.series_uid)
            .join(RevisionInstance, RevisionInstance.sop_instance_uid == Instance.sop_instance_uid)
            .where(RevisionInstance.study_uid == study_uid, RevisionInstance.revision == revision)
            .order_by(Instance.sop_instance_uid.collate("C"))
        )
        return tuple(
            StoredInstance(row[0], InstanceUid(row[1]), row[2], SeriesUid(row[3]))
            for row in self._session.execute(query)
        )

    def images_digest(self, study_uid: StudyUid, revision: int) -> str:
        """Return the SHA-256 over the instances of a revision and the copies it was frozen with."""
        query = select(RevisionInstance.sop_instance_uid, RevisionInstance.sha256).where(
            RevisionInstance.study_uid == study_uid, RevisionInstance.revision == revision
        )
        return digest(f"{uid} {sha256}" for uid, sha256 in self._session.execute(query))

    def was_asked_for(self, study_uid: StudyUid, revision: int) -> bool:
        """Return whether an operator or a reader had this revision measured, and not the images that came."""
        query = select(EventRow.id).where(
            EventRow.study_uid == study_uid, EventRow.revision == revision, EventRow.what.in_(_ASKED_FOR)
        )
        return self._session.execute(query.limit(1)).one_or_none() is not None

    def save_result(self, result: StudyResult, analysed_at: datetime | None = None) -> None:
        """Keep the result of a revision, and its category with the study; replaces an earlier one."""
        key = (Revision.study_uid == result.study_uid, Revision.revision == result.revision)
        self._session.execute(
            update(Revision)
            .where(*key)
            .values(
                result=to_json(result),
                category=str(result.category),
                analysed_at=func.coalesce(Revision.analysed_at, analysed_at, clock_timestamp()),
            )
        )
        self._session.execute(
            update(Study).where(Study.study_uid == result.study_uid).values(category=str(result.category))
        )
        for table, rows in rows_of(result).items():
            self._session.execute(
                delete(table).where(table.study_uid == result.study_uid, table.revision == result.revision)
            )
            if rows:
                self._session.execute(insert(table), rows)

    def result(self, study_uid: StudyUid, revision: int) -> StudyResult | None:
        """Return the result of a revision, or None."""
        row = self._row(study_uid, revision)
        return from_json(row.result) if row is not None and row.result is not None else None

    def analysed_at(self, study_uid: StudyUid, revision: int) -> datetime:
        """Return when the result was first kept: the content time of its objects."""
        row = self._row(study_uid, revision)
        if row is None or row.analysed_at is None:
            raise StudyUnknown(f"{study_uid} has no result of revision {revision}")
        return row.analysed_at

    def save_objects(self, study_uid: StudyUid, revision: int, objects: Sequence[ResultObject]) -> None:
        """Keep the identities of the revision's objects; replaces earlier ones."""
        key = (ResultObjectRow.study_uid == study_uid, ResultObjectRow.revision == revision)
        self._session.execute(delete(ResultObjectRow).where(*key))
        for item in objects:
            for rank, form in enumerate((item, *item.alternatives)):
                self._session.execute(
                    upsert(ResultObjectRow)
                    .values(
                        sop_instance_uid=form.sop_instance_uid,
                        sop_class_uid=form.sop_class_uid,
                        study_uid=study_uid,
                        revision=revision,
                        kind=str(item.kind),
                        rank=rank,
                        series_uid=form.series_uid,
                        language=item.language,
                    )
                    .on_conflict_do_nothing()
                )
        self._session.execute(
            update(Revision)
            .where(Revision.study_uid == study_uid, Revision.revision == revision)
            .values(reported_at=clock_timestamp())
        )

    def has_objects(self, study_uid: StudyUid, revision: int) -> bool:
        """Return whether the objects of a revision are written."""
        row = self._row(study_uid, revision)
        return row is not None and row.reported_at is not None

    def earlier_of_person(self, study_uid: StudyUid) -> tuple[tuple[str, StudyResult], ...]:
        """Return study date and newest result of earlier studies of the same person, the newest study first; results
        that were recalled are left out."""
        own, other = aliased(Study), aliased(Study)
        query = (
            select(other.study_date, Revision.result)
            .select_from(other)
            .join(own, own.study_uid == study_uid)
            .join(Revision, (Revision.study_uid == other.study_uid) & (Revision.revision == other.revision))
            .where(
                other.study_uid != study_uid,
                *(getattr(own, name) != "" for name in ("patient_id", "birth_date", "sex", "study_date")),
                *(getattr(own, name) == getattr(other, name) for name in _PERSON),
                or_(own.patient_id_issuer != "", own.calling_ae_title == other.calling_ae_title),
            )
            .where(other.study_date != "", other.study_date < own.study_date)
            .where(Revision.result.is_not(None), Revision.recall.is_(None))
            .order_by(other.study_date.desc(), other.study_uid)
            .limit(_MOST_EARLIER)
        )
        return tuple((date, from_json(result)) for date, result in self._session.execute(query))

    def predecessors(self, study_uid: StudyUid, revision: int) -> tuple[Predecessor, ...]:
        """Return the newest earlier SR of each language that a destination has, the newest of all first.

        The form that was really sent counts (a fall-back class). An SR that was only ever kept here, because no
        destination was configured, counts too; one that no destination took does not: nobody could find it.
        """
        taken = (str(DeliveryState.SENT), str(DeliveryState.CONFIRMED))
        query = (
            select(
                ResultObjectRow.sop_class_uid,
                ResultObjectRow.sop_instance_uid,
                ResultObjectRow.series_uid,
                Revision.analysed_at,
                ResultObjectRow.language,
            )
            .join(
                Revision,
                (Revision.study_uid == ResultObjectRow.study_uid) & (Revision.revision == ResultObjectRow.revision),
            )
            .outerjoin(
                ObjectDelivery,
                (ObjectDelivery.study_uid == ResultObjectRow.study_uid)
                & (ObjectDelivery.revision == ResultObjectRow.revision)
                & (ObjectDelivery.kind == ResultObjectRow.kind),
            )
            .where(
                ResultObjectRow.study_uid == study_uid,
                ResultObjectRow.revision < revision,
                ResultObjectRow.kind == str(ObjectKind.STRUCTURED_REPORT),
                or_(
                    ObjectDelivery.state.is_(None) & (ResultObjectRow.rank == 0),
                    ObjectDelivery.state.in_(taken)
                    & (ObjectDelivery.sop_class_uid == ResultObjectRow.sop_class_uid)
                    & (ObjectDelivery.sop_instance_uid == ResultObjectRow.sop_instance_uid),
                ),
            )
            .order_by(ResultObjectRow.revision.desc(), ResultObjectRow.rank, ResultObjectRow.language)
        )
        newest: dict[Language, Predecessor] = {}
        for row in self._session.execute(query).mappings():
            language = Language(row["language"] or Language.ENGLISH)
            newest.setdefault(language, Predecessor(**{**row, "language": language}))
        return tuple(newest.values())

    def _row(self, study_uid: StudyUid, revision: int) -> Revision | None:
        return self._session.get(Revision, (study_uid, revision), populate_existing=True)

    def _current_uids(self, study_uid: StudyUid) -> list[str]:
        query = select(Instance.sop_instance_uid).where(Instance.study_uid == study_uid)
        return list(self._session.execute(query).scalars())
