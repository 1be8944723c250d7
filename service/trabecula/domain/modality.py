"""The kinds of image series the product can measure."""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    """DICOM Modality (0008,0060) of an image series the product can measure."""

    CT = "CT"
    MR = "MR"
