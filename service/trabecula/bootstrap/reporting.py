"""Builders of what reports: the writer of result objects, and the loader that gives it the images again."""

from __future__ import annotations

from trabecula.imaging.volumes.dicom import SeriesLoader
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.settings import Settings


def reporter_of(settings: Settings) -> DicomReporter:
    """Return the writer of result objects."""
    return DicomReporter(
        ReportingConfig(
            uid_root=settings.uid_root,
            name_on_picture=settings.burn_in_patient_name,
            allow_empty_patient_id=settings.send_without_patient_id,
            cjk_font=settings.cjk_font,
        )
    )


def loader_of() -> SeriesLoader:
    """Return the loader of volumes from files."""
    return SeriesLoader()
