"""What a site may choose about its result objects: who signs them, which are written, what the picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trabecula.domain.identity import MANUFACTURER


class SegmentationEncoding(StrEnum):
    """How the segmentation is stored (PS3.3 C.8.20.2 Segmentation Type)."""

    BINARY = "BINARY"
    """One bit per voxel and segment; what every archive and viewer of today takes."""
    LABELMAP = "LABELMAP"
    """One label per voxel, SOP Class 66.7; for sites whose archive is known to accept it."""


@dataclass(frozen=True, kw_only=True)
class ReportingConfig:
    """Site choices of reporting; every field takes part in the identity of the objects.

    ``uid_root`` is the organisation's own UID root, or ``2.25`` for UUID-derived UIDs (PS3.5 B.2).
    ``device_serial_number`` may stay empty; the installation's UID stands there then.
    ``name_on_picture`` writes the patient's name, birth date, sex and accession number into the pixels, beside Patient
    ID and study date, which always stand there.
    ``allow_empty_patient_id`` sends results of studies without Patient ID; the default refuses with ReportInvalid,
    because an archive may file them under the wrong person.
    ``cjk_font`` is the font file for Chinese and Japanese; it takes part in the identity of objects in those.
    """

    uid_root: str = "2.25"
    manufacturer: str = MANUFACTURER
    model_name: str = "Trabecula"
    device_name: str = "TRABECULA"
    device_serial_number: str = ""
    segmentation_encoding: SegmentationEncoding = SegmentationEncoding.BINARY
    with_segmentation: bool = True
    with_picture: bool = True
    name_on_picture: bool = True
    allow_empty_patient_id: bool = False
    cjk_font: Path | None = None
