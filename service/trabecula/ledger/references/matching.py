"""Which study a reference measurement belongs to: of the same patient, the nearest within a window of days."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from trabecula.data import data_file
from trabecula.domain.study.reference import Reference
from trabecula.domain.uids import StudyUid
from trabecula.ledger.references.imports import issuers_agree
from trabecula.ledger.tables import Study
from trabecula.ledger.texts import storable

_BATCH = 1000


@dataclass(frozen=True)
class MatchedStudy:
    """A study near a measurement; ``days`` from the measurement to the study, negative where the study came first."""

    study_uid: StudyUid
    study_date: date
    days: int


def default_window_days() -> int:
    """Return how many days may lie between a study and a measurement that is compared with it."""
    return int(data_file("references.toml")["matching"]["window_days"])


def match_studies(
    connection: Connection, references: Mapping[int, Reference], window_days: int, sites: Collection[str] | None
) -> dict[int, MatchedStudy]:
    """Return the nearest study of each measurement (by line number), of these sites (None: all); the later one of two
    that are as near."""
    patients = sorted({storable(item.patient_id) for item in references.values()})
    studies: dict[str, list[tuple[str, StudyUid, date]]] = {}
    for start in range(0, len(patients), _BATCH):
        query = select(Study.patient_id, Study.patient_id_issuer, Study.study_uid, Study.study_date)
        query = query.where(Study.patient_id.in_(patients[start : start + _BATCH]))
        if sites is not None:
            query = query.where(Study.calling_ae_title.in_(sorted(sites)))
        for patient, issuer, study_uid, text in connection.execute(query):
            day = _day(text)
            if day is not None:
                studies.setdefault(patient, []).append((issuer, StudyUid(study_uid), day))
    found = {line: _nearest(item, studies.get(storable(item.patient_id), [])) for line, item in references.items()}
    return {line: match for line, match in found.items() if match is not None and abs(match.days) <= window_days}


def _nearest(reference: Reference, studies: list[tuple[str, StudyUid, date]]) -> MatchedStudy | None:
    near = [
        MatchedStudy(study_uid, day, (day - reference.measured_on).days)
        for issuer, study_uid, day in studies
        if issuers_agree(reference.issuer, issuer)
    ]
    return min(near, key=lambda match: (abs(match.days), -match.days, match.study_uid), default=None)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%Y%m%d").date()
    except ValueError:
        return None
