"""What coordinators need to find a study and its scanner, read from the headers of its images."""

from __future__ import annotations

from collections.abc import Sequence

import pydicom
from pydicom.dataset import Dataset

from trabecula.domain.study.facts import SeriesFacts, StudyFacts
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import SeriesUid
from trabecula.imaging.character_sets import read_as_meant
from trabecula.imaging.header_values import integer, text
from trabecula.imaging.headers.frames import READ_ERRORS, lenient
from trabecula.imaging.patient.facts import contradictions
from trabecula.imaging.patient.headers import PatientHeader, patient_header

_STUDY_TAGS = {
    "patient_id": "PatientID",
    "patient_id_issuer": "IssuerOfPatientID",
    "patient_name": "PatientName",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "accession_number": "AccessionNumber",
    "study_date": "StudyDate",
    "description": "StudyDescription",
    "manufacturer": "Manufacturer",
    "scanner_model": "ManufacturerModelName",
    "station": "StationName",
}
_PATIENT_TAGS = ("patient_id", "patient_id_issuer", "patient_name", "birth_date", "sex")
_SERIES_TAGS = ("SeriesInstanceUID", "Modality", "SeriesDescription", "SeriesNumber")


class HeaderFactsReader:
    """Implements pipeline.services.FactsReader: one header for each series, empty where nothing can be read."""

    def read(self, files: Sequence[StoredFile]) -> StudyFacts:
        """Return the facts of the study; the first non-empty value of a tag over its series counts.

        The patient is the one of the first series that can be read; a series of somebody else completes nothing of it.
        """
        facts = dict.fromkeys(_STUDY_TAGS, "")
        series: dict[str, SeriesFacts] = {}
        people: list[PatientHeader] = []
        with lenient():
            for file in files:
                if file.series_uid in series:
                    continue
                try:
                    header = pydicom.dcmread(
                        file.path, stop_before_pixels=True, specific_tags=[*_STUDY_TAGS.values(), *_SERIES_TAGS]
                    )
                    read_as_meant(header)
                    person = patient_header(header)
                except READ_ERRORS:
                    continue
                series[file.series_uid] = _series_facts(header, file.series_uid)
                same = not any(contradictions(known, person) for known in people)
                if same:
                    people.append(person)
                for name, keyword in _STUDY_TAGS.items():
                    if same or name not in _PATIENT_TAGS:
                        facts[name] = facts[name] or text(header, keyword)
        return StudyFacts(**facts, series=tuple(series.values()))


def _series_facts(header: Dataset, series_uid: SeriesUid) -> SeriesFacts:
    return SeriesFacts(
        series_uid, text(header, "Modality"), text(header, "SeriesDescription"), integer(header, "SeriesNumber")
    )
