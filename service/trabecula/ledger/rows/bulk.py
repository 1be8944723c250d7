"""Rows of bulk actions and tags, inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trabecula.domain.desk.bulk import BulkAction, BulkKind, BulkOutcome, BulkState
from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.errors_of.bulk import BulkUnknown
from trabecula.domain.uids import StudyUid
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.actions import action_of
from trabecula.ledger.desk.search import one_batch
from trabecula.ledger.desk.tables import BulkActionRow, BulkOutcomeRow
from trabecula.ledger.desk.tags import put_tag, remove_tag
from trabecula.ledger.tables import EventRow, Study
from trabecula.ledger.texts import storable


class SqlBulkRows:
    """Implements domain.ports.rows.bulk.BulkRows on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, kind: BulkKind, argument: str, wanted: StudySearch, who: str, most: int | None) -> int:
        """Record an action on the studies that are here now; return its number."""
        now = self._session.execute(select(clock_timestamp())).scalar_one()
        until = now if wanted.received_to is None else min(now, wanted.received_to)
        row: dict[str, Any] = {"kind": str(kind), "argument": storable(argument), "who": storable(who), "most": most}
        row |= {"wanted": replace(wanted, received_to=until).to_json(), "begun_at": now}
        return int(self._session.execute(insert(BulkActionRow).values(**row).returning(BulkActionRow.id)).scalar_one())

    def open(self) -> tuple[int, ...]:
        """Return the numbers of the actions that have not ended, the oldest first."""
        query = select(BulkActionRow.id).where(BulkActionRow.state == str(BulkState.OPEN)).order_by(BulkActionRow.id)
        return tuple(self._session.execute(query).scalars())

    def take(self, number: int) -> BulkAction | None:
        """Return the action, held until the end of the transaction; None where it has ended or another holds it."""
        query = select(BulkActionRow).where(BulkActionRow.id == number, BulkActionRow.state == str(BulkState.OPEN))
        row = self._session.execute(query.with_for_update(skip_locked=True)).scalar_one_or_none()
        return None if row is None else action_of({name.key: getattr(row, name.key) for name in _COLUMNS})

    def batch(self, action: BulkAction, size: int) -> tuple[tuple[Cursor, ...], Cursor | None]:
        """Return the next studies, maybe none, and where to go on behind them; None at the end."""
        return one_batch(driver_connection(self._session.connection()), action.wanted, size, action.after)

    def hold(self, studies: Sequence[StudyUid]) -> None:
        """Lock these studies until the end of the transaction, in the order of their UIDs, as registrars do."""
        query = select(Study.study_uid).where(Study.study_uid.in_(studies)).order_by(Study.study_uid)
        self._session.execute(query.with_for_update(key_share=True))

    def done_to(self, action: BulkAction, studies: Sequence[StudyUid]) -> frozenset[StudyUid]:
        """Return to which of these studies this action was done already, by their trails."""
        query = select(EventRow.study_uid).where(EventRow.study_uid.in_(studies), EventRow.who == action.signature)
        return frozenset(StudyUid(uid) for uid in self._session.execute(query).scalars())

    def record(self, action: BulkAction, done: int, refused: Sequence[BulkOutcome], after: Cursor | None) -> None:
        """Add to the counts, keep what was refused, and go on behind ``after``; None ends the action."""
        values: dict[str, Any] = {"done": action.done + done, "refused": action.refused + len(refused)}
        if after is None:
            values |= {"state": str(BulkState.ENDED), "ended_at": clock_timestamp()}
        else:
            values |= {"after_at": after.first_image_at, "after_uid": after.study_uid}
        self._session.execute(update(BulkActionRow).where(BulkActionRow.id == action.number).values(**values))
        for item in refused:
            row = {"code": item.code, "sentence": storable(item.sentence)}
            kept = upsert(BulkOutcomeRow).values(bulk_id=action.number, study_uid=item.study_uid, **row)
            self._session.execute(kept.on_conflict_do_nothing())

    def stop(self, number: int) -> bool:
        """Let an action end where it is; False where it has ended. Raises BulkUnknown."""
        row = update(BulkActionRow).where(BulkActionRow.id == number, BulkActionRow.state == str(BulkState.OPEN))
        stopped = row.values(state=str(BulkState.STOPPED), ended_at=clock_timestamp()).returning(BulkActionRow.id)
        if self._session.execute(stopped).one_or_none() is not None:
            return True
        known = select(func.count()).select_from(BulkActionRow).where(BulkActionRow.id == number)
        if not self._session.execute(known).scalar_one():
            raise BulkUnknown(str(number))
        return False


_COLUMNS = tuple(BulkActionRow.__table__.columns)


class SqlTagRows:
    """Implements domain.ports.rows.bulk.TagRows on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, study_uid: StudyUid, tag: str, who: str) -> bool:
        """Put a tag on a study; False where it was there. Raises TagRefused, StudyUnknown."""
        return put_tag(driver_connection(self._session.connection()), study_uid, tag, who)

    def remove(self, study_uid: StudyUid, tag: str) -> bool:
        """Take a tag off a study; False where it was not there."""
        return remove_tag(driver_connection(self._session.connection()), study_uid, tag)
