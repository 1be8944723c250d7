"""What a model's probability is of: the endpoints that bundles, reports and codes share."""

from __future__ import annotations

from enum import StrEnum


class Endpoint(StrEnum):
    """The word that a bundle's manifest and a score use; a report codes each one (data/codes.toml)."""

    OSTEOPOROSIS = "osteoporosis"
    """T-score of -2.5 or below, or QCT below 80 mg/cm3."""
    ABNORMAL_BONE_DENSITY = "abnormal_bone_density"
    """Osteopenia or osteoporosis: T-score below -1, or QCT of 120 mg/cm3 and below."""
