"""Rows of studies, received instances and the audit trail, inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trabecula.domain.errors import StudyUnknown
from trabecula.domain.study.facts import StudyFacts
from trabecula.domain.study.jobs import Failure, Stage
from trabecula.domain.study.standing import Event, StudyStanding
from trabecula.domain.study.study import ReceivedInstance, StudyPriority, StudyState, check_transition
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.rows.trails import Trails
from trabecula.ledger.tables import (
    EventRow,
    Instance,
    Revision,
    Series,
    Study,
)
from trabecula.ledger.texts import storable, storable_instance

_INSTANCE_COLUMNS = (
    "sop_instance_uid", "study_uid", "series_uid", "sop_class_uid", "transfer_syntax_uid", "spool_key", "size_bytes",
    "sha256", "calling_ae_title", "association_id", "received_at",
)  # fmt: skip
_KINDS = dict.fromkeys(_INSTANCE_COLUMNS, "text") | {
    "size_bytes": "bigint", "received_at": "timestamptz", "came_at": "timestamptz",
}  # fmt: skip

_ADD_INSTANCES = text(
    f"""
    WITH came AS (
        SELECT DISTINCT ON (sop_instance_uid) *
        FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _KINDS.items())})
            WITH ORDINALITY AS t ({", ".join(_KINDS)}, position)
        ORDER BY sop_instance_uid, position),
    fresh AS (
        SELECT * FROM came
        WHERE NOT EXISTS (SELECT 1 FROM objects WHERE sop_instance_uid = came.sop_instance_uid)
          AND NOT EXISTS (SELECT 1 FROM instances WHERE sop_instance_uid = came.sop_instance_uid)),
    study AS (
        INSERT INTO studies (study_uid, calling_ae_title, first_image_at, last_image_at)
        SELECT study_uid, (array_agg(calling_ae_title ORDER BY position))[1], min(came_at), max(came_at)
        FROM fresh GROUP BY study_uid ORDER BY study_uid
        ON CONFLICT DO NOTHING RETURNING study_uid),
    one_series AS (
        INSERT INTO series (series_uid, study_uid)
        SELECT DISTINCT ON (series_uid) series_uid, study_uid FROM fresh ORDER BY series_uid, position
        ON CONFLICT DO NOTHING),
    instance AS (
        INSERT INTO instances ({", ".join(_INSTANCE_COLUMNS)})
        SELECT {", ".join(_INSTANCE_COLUMNS)} FROM fresh ORDER BY sop_instance_uid
        ON CONFLICT DO NOTHING RETURNING sop_instance_uid)
    SELECT sop_instance_uid, false FROM instance UNION ALL SELECT study_uid, true FROM study
    """
)
"""One statement for the busiest moment of the service: every image of every study passes here.

A known UID that comes under another study leaves no empty study behind. Rows are made in the order of their UIDs, so
that two registrars that hold images of the same studies wait for one another instead of blocking one another.
"""


class SqlStudyRows:
    """Implements domain.ports.rows.study.StudyRows on a session."""

    def __init__(self, session: Session, later: Trails | None = None) -> None:
        self._session = session
        self._later = later
        """Where lines of trails wait until others of this transaction are written; None: they are written at once."""

    def standing(self, study_uid: StudyUid, *, lock: bool = False) -> StudyStanding:
        """Return where the study stands; ``lock`` takes its row until the end of the transaction."""
        query = select(
            Study.state,
            Study.revision,
            func.extract("epoch", clock_timestamp() - Study.last_image_at),
            Study.count_checks,
            Study.failed_stage,
        ).where(Study.study_uid == study_uid)
        row = self._session.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
        if row is None:
            raise StudyUnknown(study_uid)
        state, revision, quiet_s, count_checks, failed_stage = row
        return StudyStanding(
            study_uid=study_uid,
            state=StudyState(state),
            revision=revision,
            quiet_s=float(quiet_s),
            count_checks=count_checks,
            failed_stage=Stage(failed_stage) if failed_stage else None,
        )

    def count_instances(self, study_uid: StudyUid) -> int:
        """Return how many instances of the study have come."""
        query = select(func.count()).select_from(Instance).where(Instance.study_uid == study_uid)
        return self._session.execute(query).scalar_one()

    def add_instance(self, instance: ReceivedInstance) -> bool:
        """Record an instance that comes now; False when it is known or one of our own objects."""
        now = self._session.execute(select(clock_timestamp())).scalar_one()
        return bool(self.add_instances([instance], [now]))

    def add_instances(
        self, instances: Sequence[ReceivedInstance], came_at: Sequence[datetime]
    ) -> frozenset[InstanceUid]:
        """Record instances with their studies and series; return the UIDs of those that are new.

        ``came_at`` is when each came, by the database's clock.
        """
        if not instances:
            return frozenset()
        kept = [storable_instance(instance) for instance in instances]
        columns = {name: [getattr(instance, name) for instance in kept] for name in _INSTANCE_COLUMNS}
        rows = self._session.execute(_ADD_INSTANCES, columns | {"came_at": list(came_at)}).all()
        for uid, is_study in rows:
            if is_study:
                self.note(StudyUid(uid), Event(what="RECEIVED", detail="the first image of the study"))
        added = {uid for uid, is_study in rows if not is_study}
        return frozenset(
            instance.sop_instance_uid
            for instance, row in zip(instances, kept, strict=True)
            if row.sop_instance_uid in added
        )

    def add_refused(self, study_uid: StudyUid, calling_ae_title: str, refused_at: datetime) -> bool:
        """Record a study of which nothing has come but refusals; False when the study is known."""
        row = upsert(Study).values(
            study_uid=storable(study_uid),
            calling_ae_title=storable(calling_ae_title),
            first_image_at=refused_at,
            last_image_at=refused_at,
        )
        added = self._session.execute(row.on_conflict_do_nothing().returning(Study.study_uid)).scalar_one_or_none()
        return added is not None

    def known_sha256(self, sop_instance_uid: InstanceUid) -> str | None:
        """Return the digest of the instance held under this UID, or None."""
        query = select(Instance.sha256).where(Instance.sop_instance_uid == sop_instance_uid)
        return self._session.execute(query).scalar_one_or_none()

    def study_of(self, sop_instance_uid: InstanceUid) -> StudyUid:
        """Return the study that holds an instance. Raises StudyUnknown."""
        query = select(Instance.study_uid).where(Instance.sop_instance_uid == sop_instance_uid)
        study_uid = self._session.execute(query).scalar_one_or_none()
        if study_uid is None:
            raise StudyUnknown(f"none holds {sop_instance_uid}")
        return StudyUid(study_uid)

    def image_arrived(self, study_uid: StudyUid, came_at: datetime | None = None) -> StudyStanding:
        """Start the quiet time anew from when an image came, by the database's clock; lock the study.

        Returns where it stands; ``came_at`` None is now.
        """
        came: Any = clock_timestamp() if came_at is None else came_at
        state, revision, quiet_s, failed_stage = self._session.execute(
            update(Study)
            .where(Study.study_uid == study_uid)
            .values(last_image_at=func.greatest(Study.last_image_at, came), count_checks=0)
            .returning(
                Study.state,
                Study.revision,
                func.extract("epoch", clock_timestamp() - Study.last_image_at),
                Study.failed_stage,
            )
        ).one()
        stage = Stage(failed_stage) if failed_stage else None
        return StudyStanding(
            study_uid=study_uid,
            state=StudyState(state),
            revision=revision,
            quiet_s=max(0.0, float(quiet_s)),
            count_checks=0,
            failed_stage=stage,
        )

    def count_check_failed(self, study_uid: StudyUid) -> None:
        """Count one more wait for images the source archive still has."""
        self._update(study_uid, count_checks=Study.count_checks + 1)

    def move(self, study_uid: StudyUid, target: StudyState) -> None:
        """Change the state; a reason of failure is forgotten when work begins again. Raises TransitionRefused."""
        standing = self.standing(study_uid, lock=True)
        check_transition(standing.state, target)
        values: dict[str, object] = {"state": str(target)}
        if target is StudyState.RECEIVING:
            values["count_checks"] = 0
        if standing.state is StudyState.FAILED or target in (StudyState.RECEIVING, StudyState.ANALYSING):
            values |= dict.fromkeys(("failed_stage", "failure_code", "failure_sentence", "failure_next_step"))
        self._update(study_uid, **values)
        if target is StudyState.DONE:
            self._session.execute(
                update(Revision)
                .where(Revision.study_uid == study_uid, Revision.revision == standing.revision)
                .values(done_at=clock_timestamp())
            )

    def fail(self, study_uid: StudyUid, stage: Stage, failure: Failure) -> None:
        """Change the state to FAILED and keep the reason. Raises TransitionRefused."""
        self.move(study_uid, StudyState.FAILED)
        self.keep_failure(study_uid, stage, failure)

    def keep_failure(self, study_uid: StudyUid, stage: Stage, failure: Failure) -> None:
        """Keep the reason why a step failed, until work begins again."""
        self._update(
            study_uid,
            failed_stage=str(stage),
            failure_code=failure.code,
            failure_sentence=failure.sentence,
            failure_next_step=failure.next_step,
        )

    def prioritise(self, study_uid: StudyUid, priority: StudyPriority) -> None:
        """Say how soon the study is worked on among those that wait. Raises StudyUnknown."""
        self.standing(study_uid, lock=True)
        self._update(study_uid, priority=str(priority))

    def take_as_bulk(self, study_uid: StudyUid, sources: Collection[str]) -> None:
        """Make the study BULK where it came from one of these AE titles and nobody has said anything else."""
        if sources:
            unsaid = (Study.study_uid == study_uid, Study.priority.is_(None), Study.calling_ae_title.in_(sources))
            self._session.execute(update(Study).where(*unsaid).values(priority=str(StudyPriority.BULK)))

    def describe(self, study_uid: StudyUid, facts: StudyFacts) -> None:
        """Keep what lists show of the study and its series."""
        self._update(
            study_uid,
            patient_id=storable(facts.patient_id),
            patient_id_issuer=storable(facts.patient_id_issuer),
            patient_name=storable(facts.patient_name),
            birth_date=storable(facts.birth_date),
            sex=storable(facts.sex),
            accession_number=storable(facts.accession_number),
            study_date=storable(facts.study_date),
            description=storable(facts.description),
            manufacturer=storable(facts.manufacturer),
            scanner_model=storable(facts.scanner_model),
            station=storable(facts.station),
        )
        for series in facts.series:
            self._session.execute(
                update(Series)
                .where(Series.series_uid == series.series_uid)
                .values(
                    modality=storable(series.modality), description=storable(series.description), number=series.number
                )
            )

    def last_event(self, study_uid: StudyUid) -> str:
        """Return what the newest line of the study's audit trail says happened, "" where there is none."""
        query = select(EventRow.what).where(EventRow.study_uid == study_uid).order_by(EventRow.id.desc()).limit(1)
        return self._session.execute(query).scalar_one_or_none() or ""

    def note(self, study_uid: StudyUid, event: Event) -> None:
        """Add a line to the study's audit trail; what somebody did is written into the audit log as well."""
        trails = Trails() if self._later is None else self._later
        trails.add(study_uid, event)
        if self._later is None:
            trails.write(self._session)

    def _update(self, study_uid: StudyUid, **values: object) -> None:
        self._session.execute(update(Study).where(Study.study_uid == study_uid).values(**values))
