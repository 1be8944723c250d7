"""Reference measurements of bone density (DXA, QCT) that a site imports beside its studies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ReferenceMethod(StrEnum):
    """How bone density was measured."""

    DXA = "DXA"
    """Areal density, g/cm2; judged by T-score or Z-score."""
    QCT = "QCT"
    """Volumetric density, mg/cm3."""

    @property
    def unit(self) -> str:
        """The unit (UCUM) of a density by this method."""
        return "g/cm2" if self is ReferenceMethod.DXA else "mg/cm3"


class ReferenceSite(StrEnum):
    """Where bone density was measured."""

    LUMBAR_SPINE = "LUMBAR_SPINE"
    TOTAL_HIP = "TOTAL_HIP"
    FEMORAL_NECK = "FEMORAL_NECK"
    FOREARM = "FOREARM"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One reference measurement of a patient; ``value`` in ``method.unit``, height in cm, weight in kg.

    ``issuer`` is the Issuer of Patient ID (0010,0021), empty where patient IDs are unique without it. Patient data:
    lives in the database, never in a log.
    """

    patient_id: str
    measured_on: date
    method: ReferenceMethod
    site: ReferenceSite
    issuer: str = ""
    t_score: float | None = None
    z_score: float | None = None
    value: float | None = None
    device: str = ""
    height_cm: float | None = None
    weight_kg: float | None = None
    postmenopausal: bool | None = None

    @property
    def key(self) -> tuple[str, str, date, ReferenceMethod, ReferenceSite]:
        """What may stand in the ledger once."""
        return (self.patient_id, self.issuer, self.measured_on, self.method, self.site)
