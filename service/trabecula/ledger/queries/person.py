"""Whom a study is of, and the other studies of the same person that somebody may see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from trabecula.domain.errors import StudyUnknown
from trabecula.domain.uids import StudyUid
from trabecula.ledger.tables import Study


@dataclass(frozen=True, kw_only=True)
class StudyPerson:
    """A study's person and request as its images name them; a site is the calling AE title that sent them."""

    patient_id: str
    issuer: str
    name: str
    birth_date: str
    sex: str
    accession_number: str
    study_date: str
    description: str
    site: str


_OTHERS = text(
    """
    SELECT l.study_uid, l.study_date, l.received_at, l.modality, l.description, l.state, l.category,
           l.l1_hu, l.mean_hu, l.vbq
    FROM screening_log l JOIN studies s USING (study_uid)
    WHERE s.patient_id = :patient_id AND s.patient_id_issuer = :issuer AND s.birth_date = :birth_date
      AND s.study_uid <> :study_uid AND s.patient_id <> ''
      AND (CAST(:sites AS text[]) IS NULL OR s.calling_ae_title = ANY(CAST(:sites AS text[])))
    ORDER BY s.first_image_at DESC LIMIT :limit
    """
)


def study_person(connection: Connection, study_uid: StudyUid) -> StudyPerson:
    """Return whom a study is of. Raises StudyUnknown."""
    row = connection.execute(select(Study.__table__).where(Study.study_uid == study_uid)).one_or_none()
    if row is None:
        raise StudyUnknown(study_uid)
    return StudyPerson(
        patient_id=row.patient_id,
        issuer=row.patient_id_issuer,
        name=row.patient_name,
        birth_date=row.birth_date,
        sex=row.sex,
        accession_number=row.accession_number,
        study_date=row.study_date,
        description=row.description,
        site=row.calling_ae_title,
    )


def other_studies(
    connection: Connection, study_uid: StudyUid, person: StudyPerson, sites: Collection[str] | None, limit: int = 20
) -> list[dict[str, Any]]:
    """Return other studies of the same person (ID, issuer and birth date), the newest first."""
    values = {
        "patient_id": person.patient_id,
        "issuer": person.issuer,
        "birth_date": person.birth_date,
        "study_uid": study_uid,
        "sites": None if sites is None else sorted(sites),
        "limit": limit,
    }
    return [{**row} for row in connection.execute(_OTHERS, values).mappings()]
