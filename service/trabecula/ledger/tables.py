"""The tables of the ledger, as SQLAlchemy sees them; migrations/ builds them, views included."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Identity, Index, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from trabecula.domain.delivery import CommitmentState, DeliveryState
from trabecula.domain.results.result import Category
from trabecula.domain.study.copies import QuarantineState
from trabecula.domain.study.reference import ReferenceMethod
from trabecula.domain.study.study import StudyPriority, StudyState


def one_of(column: str, values: object) -> str:
    """Return the condition of a CHECK constraint: the column holds one of the values of an enumeration."""
    members = ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]
    return f"{column} IN ({members})"


class Base(DeclarativeBase):
    """Base of all tables; constraints have names that follow from their columns."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        int: BigInteger(),
        datetime: DateTime(timezone=True),
        date: Date(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


_NOW = text("clock_timestamp()")
_STUDY = "studies.study_uid"
_EMPTY, _ZERO = text("''"), text("0")


class Installation(Base):
    """The one row that names this installation."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("one = 1", name="single_row"),)

    one: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("1"))
    uid: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class StudyTransition(Base):
    """The allowed transitions of domain.study, enforced by a trigger on studies."""

    __tablename__ = "study_transitions"

    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)


class Study(Base):
    """A study, where it stands, and what coordinators need to find it (patient data: never logged)."""

    __tablename__ = "studies"
    __table_args__ = (
        CheckConstraint(one_of("state", StudyState), name="state"),
        CheckConstraint(one_of("category", Category), name="category"),
        CheckConstraint(one_of("priority", StudyPriority), name="priority"),
        Index(None, "state"),
        Index(None, "failure_code", postgresql_where=text("state = 'FAILED'")),
        Index(None, "last_image_at"),
        Index(None, "calling_ae_title", "last_image_at"),
        Index(None, "accession_number"),
        Index(None, "patient_id"),
    )

    study_uid: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default=text("'RECEIVING'"))
    category: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default=_ZERO)
    calling_ae_title: Mapped[str] = mapped_column(server_default=_EMPTY)
    first_image_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_image_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    changed_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    count_checks: Mapped[int] = mapped_column(server_default=_ZERO)
    priority: Mapped[str | None]
    failed_stage: Mapped[str | None]
    failure_code: Mapped[str | None]
    failure_sentence: Mapped[str | None]
    failure_next_step: Mapped[str | None]
    patient_id: Mapped[str] = mapped_column(server_default=_EMPTY)
    patient_id_issuer: Mapped[str] = mapped_column(server_default=_EMPTY)
    patient_name: Mapped[str] = mapped_column(server_default=_EMPTY)
    birth_date: Mapped[str] = mapped_column(server_default=_EMPTY)
    sex: Mapped[str] = mapped_column(server_default=_EMPTY)
    accession_number: Mapped[str] = mapped_column(server_default=_EMPTY)
    study_date: Mapped[str] = mapped_column(server_default=_EMPTY)
    description: Mapped[str] = mapped_column(server_default=_EMPTY)
    manufacturer: Mapped[str] = mapped_column(server_default=_EMPTY)
    scanner_model: Mapped[str] = mapped_column(server_default=_EMPTY)
    station: Mapped[str] = mapped_column(server_default=_EMPTY)


class Series(Base):
    """A series of a study."""

    __tablename__ = "series"
    __table_args__ = (Index(None, "study_uid"),)

    series_uid: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    modality: Mapped[str] = mapped_column(server_default=_EMPTY)
    description: Mapped[str] = mapped_column(server_default=_EMPTY)
    number: Mapped[int | None]


class Instance(Base):
    """A received instance whose bytes lie in the spool."""

    __tablename__ = "instances"
    __table_args__ = (Index(None, "study_uid"), Index(None, "series_uid"))

    sop_instance_uid: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    series_uid: Mapped[str]
    sop_class_uid: Mapped[str]
    transfer_syntax_uid: Mapped[str]
    spool_key: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    calling_ae_title: Mapped[str]
    association_id: Mapped[str]
    received_at: Mapped[datetime]


class FormerCopy(Base):
    """A copy of an instance that was in use until an operator took a newer one over; its bytes stay in the spool."""

    __tablename__ = "former_copies"
    __table_args__ = (Index(None, "sop_instance_uid"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(ForeignKey("instances.sop_instance_uid", ondelete="CASCADE"))
    sha256: Mapped[str]
    spool_key: Mapped[str]
    size_bytes: Mapped[int]
    transfer_syntax_uid: Mapped[str]
    calling_ae_title: Mapped[str]
    association_id: Mapped[str]
    received_at: Mapped[datetime]
    replaced_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    replaced_by: Mapped[str]


class Quarantine(Base):
    """An instance that was acknowledged and is kept, but not used, with the reason, and what became of it. The same
    bytes under one UID are held once; what was ended stays as a line."""

    __tablename__ = "quarantine"
    __table_args__ = (
        CheckConstraint(one_of("state", QuarantineState), name="state"),
        Index(None, "sop_instance_uid", "sha256", unique=True, postgresql_where=text("state = 'HELD'")),
        Index(None, "study_uid"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sop_instance_uid: Mapped[str]
    study_uid: Mapped[str]
    sop_class_uid: Mapped[str]
    spool_key: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    calling_ae_title: Mapped[str]
    association_id: Mapped[str]
    received_at: Mapped[datetime]
    last_received_at: Mapped[datetime]
    code: Mapped[str]
    sentence: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'HELD'"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(server_default=_EMPTY)
    closed_reason: Mapped[str] = mapped_column(server_default=_EMPTY)


class Revision(Base):
    """A frozen set of instances of a study and what came out of it. ``instance_digest`` is over their UIDs."""

    __tablename__ = "revisions"
    __table_args__ = (CheckConstraint(one_of("category", Category), name="category"),)

    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    instance_digest: Mapped[str]
    frozen_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    analysed_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    category: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]
    refused: Mapped[int] = mapped_column(server_default=_ZERO)
    damaged: Mapped[int] = mapped_column(server_default=_ZERO)
    silent_listeners: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    correction: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    recall: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # as domain.study.recall


class RevisionInstance(Base):
    """Membership of an instance in a revision, and the copy of it that the revision was frozen with."""

    __tablename__ = "revision_instances"

    study_uid: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(
        ForeignKey("instances.sop_instance_uid", ondelete="CASCADE"), primary_key=True
    )
    spool_key: Mapped[str]
    sha256: Mapped[str]


class ReasonRow(Base):
    """A coded reason of a result, of the study or of one level."""

    __tablename__ = "reasons"
    __table_args__ = (Index(None, "study_uid", "revision"), Index(None, "code"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    revision: Mapped[int]
    level: Mapped[str] = mapped_column(server_default=_EMPTY)
    code: Mapped[str]
    blocking: Mapped[bool]
    sentence: Mapped[str]


class LevelRow(Base):
    """A vertebral level of a result."""

    __tablename__ = "levels"

    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    evaluable: Mapped[bool]
    quality: Mapped[float]


class MeasurementRow(Base):
    """One number of a result: of a level, or of the whole study (``level`` empty)."""

    __tablename__ = "measurements"
    __table_args__ = (Index(None, "study_uid", "revision", "level"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    revision: Mapped[int]
    level: Mapped[str] = mapped_column(server_default=_EMPTY)
    concept: Mapped[str]
    meaning: Mapped[str]
    derivation: Mapped[str]
    value: Mapped[float]
    unit: Mapped[str]
    method: Mapped[str]
    series_uid: Mapped[str]


class ScoreRow(Base):
    """What one model said about a revision."""

    __tablename__ = "scores"
    __table_args__ = (Index(None, "study_uid", "revision"), Index(None, "model_id"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    revision: Mapped[int]
    model_id: Mapped[str]
    model_version: Mapped[str]
    model_sha256: Mapped[str]
    endpoint: Mapped[str]
    active: Mapped[bool]
    applicable: Mapped[bool]
    demonstration: Mapped[bool]
    probability: Mapped[float | None]
    threshold: Mapped[float | None]
    operating_point: Mapped[str]
    positive: Mapped[bool | None]


class ResultObjectRow(Base):
    """A DICOM object of a revision, or a fall-back form (``rank`` above 0); ``language`` is None where it has none."""

    __tablename__ = "objects"
    __table_args__ = (Index(None, "study_uid", "revision"),)

    sop_instance_uid: Mapped[str] = mapped_column(primary_key=True)
    sop_class_uid: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    revision: Mapped[int]
    kind: Mapped[str]
    rank: Mapped[int]
    series_uid: Mapped[str]
    language: Mapped[str | None]


class ObjectDelivery(Base):
    """One object on its way to one destination."""

    __tablename__ = "object_deliveries"
    __table_args__ = (
        CheckConstraint(one_of("state", DeliveryState), name="state"),
        CheckConstraint(one_of("commitment", CommitmentState), name="commitment"),
        *(Index(None, *names) for names in (["state"], ["transaction_uid"], ["destination", "state", "changed_at"])),
    )

    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    destination: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    sop_class_uid: Mapped[str]
    sop_instance_uid: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'PENDING'"))
    status: Mapped[int | None]
    error_code: Mapped[str] = mapped_column(server_default=_EMPTY)
    comment: Mapped[str] = mapped_column(server_default=_EMPTY)
    attempts: Mapped[int] = mapped_column(server_default=_ZERO)
    commitment: Mapped[str] = mapped_column(server_default=text("'NONE'"))
    transaction_uid: Mapped[str] = mapped_column(server_default=_EMPTY)
    changed_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    next_attempt_at: Mapped[datetime | None]


class StageAttempt(Base):
    """How often a stage has started without telling how it ended (``analyse``: counted before it runs), how often it
    told that it failed (``analyse:failed``) and that its child died (``analyse:died``), since it last succeeded."""

    __tablename__ = "stage_attempts"

    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    destination: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[int]


class EventRow(Base):
    """A line of a study's audit trail: when, what, who."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "study_uid", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey(_STUDY, ondelete="CASCADE"))
    revision: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(server_default=_NOW)
    what: Mapped[str]
    detail: Mapped[str]
    who: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class ReferenceResult(Base):
    """A reference measurement (DXA, QCT) of a patient, joined to studies by patient and date (patient data)."""

    __tablename__ = "reference_results"
    __table_args__ = (
        CheckConstraint(one_of("method", ReferenceMethod), name="method"),
        Index(None, "patient_id"),
        Index(
            "ix_reference_results_patient_id_issuer_measured_on_method_site",
            "patient_id", "issuer", "measured_on", "method", "site", unique=True,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patient_id: Mapped[str]
    issuer: Mapped[str] = mapped_column(server_default=_EMPTY)
    measured_on: Mapped[date]
    method: Mapped[str]
    site: Mapped[str]
    t_score: Mapped[float | None]
    z_score: Mapped[float | None]
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(server_default=_EMPTY)
    device: Mapped[str] = mapped_column(server_default=_EMPTY)
    height_cm: Mapped[float | None]
    weight_kg: Mapped[float | None]
    postmenopausal: Mapped[bool | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    recorded_by: Mapped[str] = mapped_column(server_default=_EMPTY)
