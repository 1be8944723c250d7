"""Noting what readers think of results, and listing it."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from trabecula.domain.study.reading import ReaderOpinion, ReaderVerdict
from trabecula.domain.uids import StudyUid
from trabecula.ledger.readings.tables import ReadingRow
from trabecula.ledger.texts import storable


def note_reading(
    connection: Connection, study_uid: StudyUid, revision: int, reader: str, verdict: ReaderVerdict, comment: str
) -> None:
    """Write an opinion; earlier ones of the same reader stay."""
    connection.execute(
        insert(ReadingRow).values(
            study_uid=study_uid, revision=revision, reader=reader, verdict=str(verdict), comment=storable(comment)
        )
    )


def readings_of(connection: Connection, study_uid: StudyUid) -> list[ReaderOpinion]:
    """Return the opinions on a study, the newest first."""
    query = select(ReadingRow.__table__).where(ReadingRow.study_uid == study_uid).order_by(ReadingRow.id.desc())
    return [
        ReaderOpinion(
            revision=row.revision, reader=row.reader, verdict=ReaderVerdict(row.verdict), comment=row.comment, at=row.at
        )
        for row in connection.execute(query)
    ]
