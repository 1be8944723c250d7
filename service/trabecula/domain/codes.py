"""Coded concepts (PS3.16) the results speak in: value, scheme and meaning, as data for every border."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """A coded concept: Code Value (max 16 characters), Coding Scheme Designator, Code Meaning (max 64)."""

    value: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        if not 0 < len(self.value) <= 16 or not 0 < len(self.scheme) <= 16 or not 0 < len(self.meaning) <= 64:
            raise ValueError(f"not a valid code: {self}")


PRIVATE_SCHEME = "99TRABECULA"
PRIVATE_SCHEME_NAME = "Trabecula opportunistic bone density screening"
PRIVATE_SCHEME_VERSION = "1"

HOUNSFIELD = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
PERCENT = Code("%", "UCUM", "Percent")
CUBIC_CENTIMETRE = Code("cm3", "UCUM", "cubic centimeter")
MILLIMETRE = Code("mm", "UCUM", "millimeter")
RATIO = Code("1", "UCUM", "no units")

ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
MR_SIGNAL = Code("110852", "DCM", "MR signal intensity")
VOLUME = Code("118565006", "SCT", "Volume")
VBQ = Code("VBQ", PRIVATE_SCHEME, "Vertebral bone quality score")
CSF_SIGNAL = Code("CSF-SI", PRIVATE_SCHEME, "Cerebrospinal fluid signal intensity")
ANTERIOR_HEIGHT = Code("HA", PRIVATE_SCHEME, "Anterior vertebral body height")
MIDDLE_HEIGHT = Code("HM", PRIVATE_SCHEME, "Middle vertebral body height")
POSTERIOR_HEIGHT = Code("HP", PRIVATE_SCHEME, "Posterior vertebral body height")
HEIGHT_LOSS = Code("HLOSS", PRIVATE_SCHEME, "Vertebral height loss")
SEGMENTATION_QUALITY = Code("SEG-Q", PRIVATE_SCHEME, "Estimated segmentation overlap")

EXPECTED_ATTENUATION = Code("HU-EXPECTED", PRIVATE_SCHEME, "Attenuation expected at the patient's age")
AGE_Z_SCORE = Code("HU-Z-AGE", PRIVATE_SCHEME, "Attenuation z-score against people of the same age")
CHANGE_SINCE_PRIOR = Code("PRIOR-CHANGE", PRIVATE_SCHEME, "Change since the earlier result")
REGION_VOLUME = Code("ROI-VOL", PRIVATE_SCHEME, "Volume of the measured region")

MEAN = Code("373098007", "SCT", "Mean")
MEDIAN = Code("373099004", "SCT", "Median")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
PERCENTILE_5 = Code("P5", PRIVATE_SCHEME, "5th percentile")
PERCENTILE_95 = Code("P95", PRIVATE_SCHEME, "95th percentile")
