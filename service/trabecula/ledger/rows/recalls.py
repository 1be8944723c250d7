"""Rows of recalls, inside one transaction: which results were made by whom, and which of them are recalled."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from trabecula.domain.delivery import DeliveryState
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.study.recall import MadeBy, Maker, RecalledResult
from trabecula.domain.uids import StudyUid
from trabecula.ledger.clock import clock_timestamp
from trabecula.ledger.tables import ObjectDelivery, ReasonRow, Revision, ScoreRow, Study
from trabecula.ledger.texts import storable


class SqlRecallRows:
    """Implements domain.ports.rows.recall on a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def made_by(self, wanted: MadeBy) -> tuple[RecalledResult, ...]:
        """Return every result of the maker, of all revisions, ordered by study and revision."""
        return tuple(
            RecalledResult(
                study_uid=StudyUid(row.study_uid),
                revision=row.revision,
                category=row.category or "",
                state=row.state,
                newest=row.newest,
                destinations=tuple(row.destinations or ()),
                recalled=row.recall is not None,
            )
            for row in self._session.execute(_query(wanted))
        )

    def mark(self, study_uid: StudyUid, revision: int, wanted: MadeBy, who: str, reason: str) -> None:
        """Mark a result as recalled, where every list and filter of reasons shows it."""
        key = (Revision.study_uid == study_uid, Revision.revision == revision)
        at = self._session.execute(select(clock_timestamp())).scalar_one().isoformat()
        kept = {"at": at, "who": who, "reason": storable(reason), "maker": str(wanted.maker), "name": wanted.name}
        self._session.execute(update(Revision).where(*key).values(recall=kept))
        told = Reason(code=ReasonCode.RECALLED, blocking=False, detail=f"{wanted.words}: {storable(reason)}")
        row = {"study_uid": study_uid, "revision": revision, "level": "", "code": told.code.name, "blocking": False}
        self._session.execute(insert(ReasonRow).values(**row, sentence=told.sentence))


def _query(
    wanted: MadeBy,
) -> Select[tuple[Any, ...]]:
    taken = (str(DeliveryState.SENT), str(DeliveryState.CONFIRMED))
    destinations = (
        select(func.array_agg(ObjectDelivery.destination.distinct()))
        .where(
            ObjectDelivery.study_uid == Revision.study_uid,
            ObjectDelivery.revision == Revision.revision,
            ObjectDelivery.state.in_(taken),
        )
        .scalar_subquery()
    )
    return (
        select(
            *(Revision.study_uid, Revision.revision, Revision.category, Revision.recall, Study.state),
            (Study.revision == Revision.revision).label("newest"),
            destinations.label("destinations"),
        )
        .join(Study, Study.study_uid == Revision.study_uid)
        .where(Revision.result.is_not(None), _made_by(wanted))
        .order_by(Revision.study_uid.collate("C"), Revision.revision)
    )


def _made_by(wanted: MadeBy) -> ColumnElement[bool]:
    versions = Revision.result["versions"]
    score = exists().where(ScoreRow.study_uid == Revision.study_uid, ScoreRow.revision == Revision.revision)
    if wanted.maker is Maker.MODEL:
        return score.where(ScoreRow.model_id == wanted.name)
    if wanted.maker is Maker.BUNDLE:
        digits = wanted.name.lower()
        weights = versions["segmenter_weights_sha256"].astext
        return or_(
            score.where(ScoreRow.model_sha256.startswith(digits, autoescape=True)),
            weights.startswith(digits, autoescape=True),
        )
    made: ColumnElement[bool] = versions[str(wanted.maker)].astext == wanted.name
    return made
