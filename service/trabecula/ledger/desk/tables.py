"""The tables of the desk: the flat row and the marks of each study, figures of each day, tags, bulk actions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from trabecula.ledger.tables import Base

_NOW = text("clock_timestamp()")
_EMPTY, _ZERO, _NONE = text("''"), text("0"), text("'{}'::text[]")
_STUDY = "studies.study_uid"
_C = Text(collation="C")


class StudyTagRow(Base):
    """A word that people put on a study, who did and when."""

    __tablename__ = "study_tags"

    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(_C, primary_key=True)
    who: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=_NOW)


class DeskStudy(Base):
    """What lists show of a study, flat (patient data); ``terms`` are its marks, ``turnaround`` a bucket of DeskDay."""

    __tablename__ = "desk_studies"
    __table_args__ = (Index(None, "patient_key"), Index(None, "accession_key"))

    study_uid: Mapped[str] = mapped_column(_C, ForeignKey(_STUDY, ondelete="CASCADE"), primary_key=True)
    first_image_at: Mapped[datetime]
    site: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    state: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    modality: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    patient_id: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    patient_key: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    accession_number: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    accession_key: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    description: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    scanner: Mapped[str] = mapped_column(_C, server_default=_EMPTY)
    category: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default=_ZERO)
    study_date: Mapped[date | None]
    l1_hu: Mapped[float | None] = mapped_column(Double())
    mean_hu: Mapped[float | None] = mapped_column(Double())
    vbq: Mapped[float | None] = mapped_column(Double())
    failure_code: Mapped[str | None]
    conflicts: Mapped[int] = mapped_column(server_default=_ZERO)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=_NONE)
    models: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=_NONE)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=_NONE)
    terms: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=_NONE)
    finished_at: Mapped[datetime | None]
    finished_category: Mapped[str | None]
    turnaround: Mapped[int | None] = mapped_column(Integer())


class DeskMark(Base):
    """A word a study is found by: ``kind:value``, or empty, which every study has."""

    __tablename__ = "desk_marks"
    __table_args__ = (Index(None, "term", "site", "first_image_at", "study_uid"),)

    term: Mapped[str] = mapped_column(_C, primary_key=True)
    site: Mapped[str] = mapped_column(_C)
    first_image_at: Mapped[datetime] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(_C, primary_key=True)


class DeskDay(Base):
    """Figures of a day and a site (a calling AE title).

    ``analysing`` to ``cancelled`` count the studies whose first image came that day, by the state they are in now;
    ``suspected`` to ``not_evaluable`` the studies that were first reported that day, by the answer that is shown now,
    and ``turnarounds`` how long it took from the last image to everything delivered, of those that are, in 96 buckets
    each 1.15 times as wide as the one before.
    """

    __tablename__ = "desk_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(_C, primary_key=True)
    analysing: Mapped[int] = mapped_column(server_default=_ZERO)
    reporting: Mapped[int] = mapped_column(server_default=_ZERO)
    delivering: Mapped[int] = mapped_column(server_default=_ZERO)
    done: Mapped[int] = mapped_column(server_default=_ZERO)
    failed: Mapped[int] = mapped_column(server_default=_ZERO)
    cancelled: Mapped[int] = mapped_column(server_default=_ZERO)
    suspected: Mapped[int] = mapped_column(server_default=_ZERO)
    indeterminate: Mapped[int] = mapped_column(server_default=_ZERO)
    no_flag: Mapped[int] = mapped_column(server_default=_ZERO)
    not_evaluable: Mapped[int] = mapped_column(server_default=_ZERO)
    turnarounds: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger()), server_default=text("array_fill(0::bigint, ARRAY[96])")
    )


class DeskBackfill(Base):
    """How far the studies of an older version have got their flat rows; they are worked through by falling UID."""

    __tablename__ = "desk_backfill"
    __table_args__ = (CheckConstraint("one = 1", name="single_row"),)

    one: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("1"))
    before_uid: Mapped[str | None] = mapped_column(_C)
    ended_at: Mapped[datetime | None]


class BulkActionRow(Base):
    """Something that is done to every study a filter finds, how far it is, and who wants it."""

    __tablename__ = "bulk_actions"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN', 'ENDED', 'STOPPED')", name="state"),
        Index(None, "state", postgresql_where=text("state = 'OPEN'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    argument: Mapped[str] = mapped_column(server_default=_EMPTY)
    wanted: Mapped[dict[str, Any]]
    who: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'OPEN'"))
    most: Mapped[int | None]
    begun_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]
    after_at: Mapped[datetime | None]
    after_uid: Mapped[str | None] = mapped_column(_C)
    done: Mapped[int] = mapped_column(server_default=_ZERO)
    refused: Mapped[int] = mapped_column(server_default=_ZERO)


class BulkOutcomeRow(Base):
    """Why a bulk action could not be done to a study."""

    __tablename__ = "bulk_outcomes"

    bulk_id: Mapped[int] = mapped_column(ForeignKey("bulk_actions.id", ondelete="CASCADE"), primary_key=True)
    study_uid: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    sentence: Mapped[str]
