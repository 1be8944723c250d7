"""The tables of the backlog: jobs that wait, their lanes, what an operator has paused, and who works."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from trabecula.ledger.tables import Base


class BacklogLane(Base):
    """Jobs of one queue and rank that are served oldest first: of one source, or to one destination.

    Ranks of a queue are served in order, lanes of a rank in turn.
    """

    __tablename__ = "backlog_lanes"
    __table_args__ = (UniqueConstraint("queue", "rank", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    queue: Mapped[str]
    rank: Mapped[int]
    name: Mapped[str]
    is_destination: Mapped[bool]


class BacklogItem(Base):
    """A job that waits until it is due and a worker takes it; ``lock`` keeps the same job from waiting twice."""

    __tablename__ = "backlog"
    __table_args__ = (UniqueConstraint("lock"), Index(None, "lane_id", "due_at", "id"), Index(None, "study_uid"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    lane_id: Mapped[int] = mapped_column(ForeignKey("backlog_lanes.id"))
    due_at: Mapped[datetime]
    stage: Mapped[str]
    study_uid: Mapped[str]
    revision: Mapped[int]
    destination: Mapped[str]
    lock: Mapped[str]


class Pause(Base):
    """A queue, or a destination, of which nothing is started until an operator resumes it."""

    __tablename__ = "pauses"

    queue: Mapped[str] = mapped_column(primary_key=True)
    destination: Mapped[str] = mapped_column(primary_key=True)
    paused_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    paused_by: Mapped[str]


class WorkerQueue(Base):
    """The queue and host of a worker of Procrastinate, whose own table keeps only its heartbeat."""

    __tablename__ = "worker_queues"

    worker_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    queue: Mapped[str]
    host: Mapped[str]


class HostDiskRow(Base):
    """Free space of a folder (data, journal) on a host, as a process of it told last."""

    __tablename__ = "host_disks"

    host: Mapped[str] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(primary_key=True)
    free_bytes: Mapped[int]
    watermark_bytes: Mapped[int]
    told_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
