"""The tables of reception: listeners, how far their journals are registered, and what was refused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from trabecula.ledger.tables import Base


class ListenerRow(Base):
    """A listener that keeps a journal, and how far it is; every time is on the database's clock but ``host_clock``."""

    __tablename__ = "listeners"

    journal_uid: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    registered_until: Mapped[datetime]
    heard_at: Mapped[datetime]
    told_at: Mapped[datetime]
    host_clock: Mapped[datetime]
    backlog_bytes: Mapped[int]
    ended_at: Mapped[datetime | None]


class JournalSegment(Base):
    """How far a segment of a listener's journal is registered; written with the rows themselves."""

    __tablename__ = "journal_segments"

    segment_uid: Mapped[str] = mapped_column(primary_key=True)
    journal_uid: Mapped[str]
    next_sequence: Mapped[int]


class RefusedInstanceRow(Base):
    """An instance whose sender was told that we could not keep it, as it was refused last."""

    __tablename__ = "refused_instances"

    study_uid: Mapped[str] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(primary_key=True)
    series_uid: Mapped[str]
    sop_class_uid: Mapped[str]
    status: Mapped[int]
    code: Mapped[str]
    calling_ae_title: Mapped[str]
    association_id: Mapped[str]
    refused_at: Mapped[datetime]
