"""Rows of listeners, their journals and what they refused, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trabecula.domain.errors_of.reception import JournalDamaged
from trabecula.domain.study.reception import ListenerLag, ListenerStanding, RefusedInstance, RefusedStanding
from trabecula.domain.uids import StudyUid
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.reception_tables import JournalSegment, ListenerRow, RefusedInstanceRow
from trabecula.ledger.tables import Instance, Study
from trabecula.ledger.texts import storable


@dataclass(frozen=True)
class DatabaseTimes:
    """Implements domain.ports.rows.reception.HostTimes: by how much the database's clock is ahead, within bounds.

    The two differ by the time the question took, so that a slow answer never lets a listener seem further than it is.
    """

    least: timedelta
    most: timedelta

    def not_before(self, host_time: datetime) -> datetime:
        """Return the time on the database's clock; never too early."""
        return host_time + self.most

    def not_after(self, host_time: datetime) -> datetime:
        """Return the time on the database's clock; never too late."""
        return host_time + self.least


class SqlReceptionRows:
    """Implements domain.ports.rows.reception.ReceptionRows on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def host_times(self) -> DatabaseTimes:
        """Return the translation of this host's times, from one look at both clocks."""
        before = datetime.now(UTC)
        there = self._session.execute(select(clock_timestamp())).scalar_one()
        return DatabaseTimes(least=there - datetime.now(UTC), most=there - before)

    def next_sequence(self, journal_uid: str, segment_uid: str) -> int:
        """Return the first record of a segment that is not registered; nobody else registers it until commit."""
        first = upsert(JournalSegment).values(segment_uid=segment_uid, journal_uid=journal_uid, next_sequence=0)
        self._session.execute(first.on_conflict_do_nothing())
        query = select(JournalSegment.next_sequence).where(JournalSegment.segment_uid == segment_uid)
        return self._session.execute(query.with_for_update()).scalar_one()

    def registered(self, segment_uids: Sequence[str]) -> dict[str, int]:
        """Return the first record that is not registered, of each segment that has any that is."""
        query = select(JournalSegment.segment_uid, JournalSegment.next_sequence)
        rows = self._session.execute(query.where(JournalSegment.segment_uid.in_(segment_uids)))
        return {row.segment_uid: row.next_sequence for row in rows}

    def advance(self, segment_uid: str, next_sequence: int) -> None:
        """Say that every record before ``next_sequence`` is registered."""
        self._session.execute(
            update(JournalSegment)
            .where(JournalSegment.segment_uid == segment_uid)
            .values(next_sequence=next_sequence)
            .execution_options(synchronize_session=False)
        )

    def forget_segment(self, segment_uid: str) -> None:
        """Forget a segment that no longer exists."""
        self._session.execute(delete(JournalSegment).where(JournalSegment.segment_uid == segment_uid))

    def add_refusals(self, refusals: Sequence[RefusedInstance]) -> None:
        """Record refused instances; of one that was refused before, the later time counts."""
        for refused in sorted(refusals, key=lambda item: (item.study_uid, item.sop_instance_uid)):
            row = upsert(RefusedInstanceRow).values(
                study_uid=storable(refused.study_uid),
                sop_instance_uid=storable(refused.sop_instance_uid),
                series_uid=storable(refused.series_uid),
                sop_class_uid=storable(refused.sop_class_uid),
                status=refused.status,
                code=refused.code,
                calling_ae_title=storable(refused.calling_ae_title),
                association_id=refused.association_id,
                refused_at=refused.refused_at,
            )
            newer = {
                name: getattr(row.excluded, name)
                for name in ("status", "code", "calling_ae_title", "association_id", "refused_at")
            }
            self._session.execute(
                row.on_conflict_do_update(
                    index_elements=["study_uid", "sop_instance_uid"],
                    set_=newer,
                    where=row.excluded.refused_at > RefusedInstanceRow.refused_at,
                )
            )

    def refused(self, study_uid: StudyUid) -> RefusedStanding:
        """Return how many refused and damaged instances of a study have not come since, and the age of the last."""
        came = exists().where(Instance.sop_instance_uid == RefusedInstanceRow.sop_instance_uid)
        damaged = RefusedInstanceRow.code == JournalDamaged.code
        count, damages, age_s = self._session.execute(
            select(
                func.count().filter(~damaged),
                func.count().filter(damaged),
                func.extract("epoch", clock_timestamp() - func.max(RefusedInstanceRow.refused_at)),
            ).where(RefusedInstanceRow.study_uid == study_uid, ~came)
        ).one()
        return RefusedStanding(count, float(age_s or 0.0), damages)

    def publish(self, standing: ListenerStanding) -> None:
        """Say how far a listener is; it counts as heard when it got further.

        The transaction need not survive a crash of the database: the next one says it again.
        """
        self._session.execute(text("SET LOCAL synchronous_commit = off"))
        until = self.host_times().not_after(standing.registered_until)
        known = self._session.execute(
            select(ListenerRow.registered_until)
            .where(ListenerRow.journal_uid == standing.journal_uid)
            .with_for_update()
        ).scalar_one_or_none()
        said = {
            "name": storable(standing.name),
            "told_at": clock_timestamp(),
            "host_clock": datetime.now(UTC),
            "backlog_bytes": standing.backlog_bytes,
            "ended_at": clock_timestamp() if standing.ended else None,
        }
        if known is None or until > known:
            said |= {"registered_until": until, "heard_at": clock_timestamp()}
        if known is None:
            self._session.execute(insert(ListenerRow).values(journal_uid=standing.journal_uid, **said))
        else:
            row = update(ListenerRow).where(ListenerRow.journal_uid == standing.journal_uid)
            self._session.execute(row.values(**said).execution_options(synchronize_session=False))

    def behind(self, study_uid: StudyUid, quiet_s: float) -> tuple[ListenerLag, ...]:
        """Return the listeners that are not past the quiet time after a study's last image."""
        needed = Study.last_image_at + timedelta(seconds=quiet_s)
        rows = self._session.execute(
            select(
                ListenerRow.name,
                func.extract("epoch", needed - ListenerRow.registered_until),
                func.extract("epoch", clock_timestamp() - ListenerRow.heard_at),
            )
            .where(Study.study_uid == study_uid, ListenerRow.ended_at.is_(None), ListenerRow.registered_until < needed)
            .order_by(ListenerRow.name, ListenerRow.journal_uid)
        )
        return tuple(ListenerLag(name, float(behind_s), float(silent_s)) for name, behind_s, silent_s in rows)
