"""The tables of the audit log: entries that nobody changes, the seals that link them, pseudonyms, and wires."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from trabecula.ledger.tables import Base

_NOW = text("clock_timestamp()")
_EMPTY = text("''")
_NONE = text("'{}'::text[]")


class AuditEntryRow(Base):
    """One entry. ``studies`` and ``patients`` are pseudonyms; a trigger refuses every change and deletion.

    ``id`` has gaps where a transaction was taken back, and says nothing of the order: that is the seals' number.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "who", "id"),
        Index("ix_audit_entries_studies_patients", "studies", "patients", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=_NOW)
    action: Mapped[str]
    outcome: Mapped[str]
    who: Mapped[str]
    who_kind: Mapped[str]
    address: Mapped[str] = mapped_column(server_default=_EMPTY)
    studies: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=_NONE)
    patients: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=_NONE)
    subject: Mapped[str] = mapped_column(server_default=_EMPTY)
    detail: Mapped[str] = mapped_column(server_default=_EMPTY)


class AuditUnsealed(Base):
    """An entry that no seal links yet; a trigger on the entries writes it, the sealer takes it away."""

    __tablename__ = "audit_unsealed"

    entry_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class AuditSeal(Base):
    """The seal of one entry: ``number`` without gaps, the entry's digest, and the seal over the one before and both.

    A trigger refuses every change and deletion.
    """

    __tablename__ = "audit_seals"
    __table_args__ = (Index(None, "entry_id", unique=True),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entries.id"))
    digest: Mapped[str]
    seal: Mapped[str]
    sealed_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class AuditPseudonym(Base):
    """Whom a pseudonym of the entries names, and its key (patient data); deleted, it names nobody any more.

    A person or study may have several: two who write of it first at the same time do not wait for each other.
    """

    __tablename__ = "audit_pseudonyms"
    __table_args__ = (
        CheckConstraint("(study_uid = '') <> (patient_id = '')", name="study_or_person"),
        Index(None, "study_uid", postgresql_where=text("study_uid <> ''")),
        Index(None, "patient_id", "issuer", postgresql_where=text("patient_id <> ''")),
    )

    pseudonym: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    study_uid: Mapped[str] = mapped_column(server_default=_EMPTY)
    patient_id: Mapped[str] = mapped_column(server_default=_EMPTY)
    issuer: Mapped[str] = mapped_column(server_default=_EMPTY)
    made_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class AuditWire(Base):
    """How far entries were sent to a server of audit messages: all up to ``sent_number``."""

    __tablename__ = "audit_wires"

    name: Mapped[str] = mapped_column(primary_key=True)
    sent_number: Mapped[int] = mapped_column(server_default=text("0"))
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_try_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    error: Mapped[str] = mapped_column(server_default=_EMPTY)
