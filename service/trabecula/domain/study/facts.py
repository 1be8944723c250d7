"""What coordinators need to find a study, its series and its scanner."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.domain.uids import SeriesUid


@dataclass(frozen=True)
class SeriesFacts:
    """What lists show of a series."""

    series_uid: SeriesUid
    modality: str = ""
    description: str = ""
    number: int | None = None


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """What coordinators need to find a study and its scanner. Lives in the database only, never in a log."""

    patient_id: str = ""
    patient_id_issuer: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    accession_number: str = ""
    study_date: str = ""
    description: str = ""
    manufacturer: str = ""
    scanner_model: str = ""
    station: str = ""
    series: tuple[SeriesFacts, ...] = ()
