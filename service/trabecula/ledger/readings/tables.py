"""The table of readings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from trabecula.domain.study.reading import ReaderVerdict
from trabecula.ledger.tables import Base, one_of


class ReadingRow(Base):
    """A reader's opinion of one revision; the newest of a reader counts."""

    __tablename__ = "readings"
    __table_args__ = (
        CheckConstraint(one_of("verdict", ReaderVerdict), name="verdict"),
        Index(None, "study_uid", "revision"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid", ondelete="CASCADE"))
    revision: Mapped[int]
    reader: Mapped[str]
    verdict: Mapped[str]
    comment: Mapped[str] = mapped_column(server_default=text("''"))
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
