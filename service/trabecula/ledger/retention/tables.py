"""The tables of retention: what was removed by which rule, what may not be, what was deleted, and restores."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from trabecula.ledger.tables import Base

_NOW = text("clock_timestamp()")
_EMPTY = text("''")
_ZERO = text("0")
_STUDY = "studies.study_uid"


class Removal(Base):
    """Files of a study that a rule removed: its images (revision 0) or the results of one revision.

    Written before the first file goes; ``ended_at`` comes when the last one is gone, ``undone_at`` when images came
    again.
    """

    __tablename__ = "removals"
    __table_args__ = (
        CheckConstraint("kind IN ('IMAGES', 'RESULTS')", name="kind"),
        Index(None, "study_uid", "kind", "revision", unique=True, postgresql_where=text("undone_at IS NULL")),
        Index(None, "begun_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    kind: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default=_ZERO)
    rule: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(server_default=_ZERO)
    begun_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class RemovedImage(Base):
    """An instance whose row stays and whose file was removed, until it comes again."""

    __tablename__ = "removed_images"
    __table_args__ = (Index(None, "study_uid"),)

    sop_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("instances.sop_instance_uid", ondelete="CASCADE"), primary_key=True
    )
    study_uid: Mapped[str]
    removed_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class RetentionHold(Base):
    """A study of which nothing is removed or deleted until an operator lifts the hold."""

    __tablename__ = "retention_holds"

    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"), primary_key=True)
    held_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    held_by: Mapped[str]
    reason: Mapped[str]


class DeletedStudy(Base):
    """The tombstone of a study that was deleted for good; ``study_key`` is its UID under a key of this installation.

    The UID itself stands in ``study_uid`` only while the deletion is not finished.
    """

    __tablename__ = "deleted_studies"

    study_key: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(server_default=_EMPTY)
    begun_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]
    deleted_by: Mapped[str]
    reason: Mapped[str]
    images: Mapped[int] = mapped_column(server_default=_ZERO)
    revisions: Mapped[int] = mapped_column(server_default=_ZERO)
    quarantined: Mapped[int] = mapped_column(server_default=_ZERO)
    reference_results: Mapped[int] = mapped_column(server_default=_ZERO)
    size_bytes: Mapped[int] = mapped_column(server_default=_ZERO)
    dropped: Mapped[int] = mapped_column(server_default=_ZERO)
    dropped_at: Mapped[datetime | None]
    allowed_at: Mapped[datetime | None]
    allowed_by: Mapped[str] = mapped_column(server_default=_EMPTY)
    allowed_reason: Mapped[str] = mapped_column(server_default=_EMPTY)


class TombstoneKey(Base):
    """The one key under which UIDs of deleted studies are kept."""

    __tablename__ = "tombstone_keys"
    __table_args__ = (CheckConstraint("one = 1", name="single_row"),)

    one: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("1"))
    key: Mapped[str]


class Restore(Base):
    """A time at which this ledger was put in place from a backup."""

    __tablename__ = "restores"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    restored_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    backup_made_at: Mapped[datetime]
    restored_by: Mapped[str]
