"""What is expected at a person's age: the norm's attenuation, and how far the measured one lies from it."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.analysis.findings import Findings
from trabecula.domain import codes
from trabecula.domain.results.decision import Decision
from trabecula.domain.results.ground import Quantity
from trabecula.domain.results.result import Category, Measurement, SeriesRole
from trabecula.domain.results.scale import ValueScale
from trabecula.domain.results.thresholds import AttenuationNorm, ContrastPhase
from trabecula.domain.spine import Level
from trabecula.imaging.acquisition import StatedPatient

_COMPARABLE_PHASES = (ContrastPhase.NATIVE, ContrastPhase.ARTERIAL, ContrastPhase.VENOUS)
"""Phases whose attenuation is native, or corrected to it; of any other a z-score would be one of contrast agent."""


@dataclass(frozen=True, kw_only=True)
class ExpectedAttenuation:
    """The mean and standard deviation (HU) of people of this age at ``level``; ``z_score`` is None where the measured
    value cannot be compared (tube voltage or contrast phase not known)."""

    level: Level
    mean_hu: float
    sd_hu: float
    z_score: float | None

    def measurements(self, findings: Findings) -> tuple[Measurement, ...]:
        """Return expected attenuation and z-score as values of the study."""
        series = findings.context.series_uid
        method = f"norm {self.level}"
        mean = Measurement(
            concept=codes.EXPECTED_ATTENUATION,
            value=round(self.mean_hu, 1),
            unit=codes.HOUNSFIELD,
            method=method,
            series_uid=series,
        )
        if self.z_score is None:
            return (mean,)
        score = Measurement(
            concept=codes.AGE_Z_SCORE, value=self.z_score, unit=codes.RATIO, method=method, series_uid=series
        )
        return (mean, score)


def expected_at_age(
    decision: Decision, findings: Findings | None, patient: StatedPatient, norm: AttenuationNorm
) -> ExpectedAttenuation | None:
    """Return what the norm expects where its level was measured on CT, at an age of the norm that is known and not
    contradicted (it is None then); nothing for a study that is not evaluable."""
    if findings is None or findings.context.role is not SeriesRole.CT or patient.age_years is None:
        return None
    if decision.category is Category.NOT_EVALUABLE or norm.level not in findings.evaluable_levels:
        return None
    mean = norm.expected_hu(patient.age_years)
    if mean is None:
        return None
    return ExpectedAttenuation(
        level=norm.level, mean_hu=mean, sd_hu=norm.sd_hu, z_score=_z_score(decision, findings, norm, mean)
    )


def value_scale(
    decision: Decision, expected: ExpectedAttenuation | None, least_change_percent: float
) -> ValueScale | None:
    """Return what the values of the levels are held against; None where nothing was compared.

    ``least_change_percent`` is that of attenuation; for VBQ none is known.
    """
    measured = decision.measured
    if measured is None:
        return None
    return ValueScale(
        lower=measured.lower,
        upper=measured.upper,
        factor=round(measured.value / measured.raw, 6) if measured.raw else 1.0,
        offset=measured.offset,
        expected=None if expected is None else round(expected.mean_hu, 1),
        expected_sd=None if expected is None else expected.sd_hu,
        expected_level=None if expected is None else expected.level,
        least_change_percent=least_change_percent if measured.quantity is Quantity.ATTENUATION else None,
    )


def _z_score(decision: Decision, findings: Findings, norm: AttenuationNorm, mean: float) -> float | None:
    measured = decision.measured
    comparable = findings.context.phase in _COMPARABLE_PHASES and findings.context.made.kvp is not None
    if measured is None or measured.quantity is not Quantity.ATTENUATION or not comparable:
        return None
    if measured.where != str(norm.level):
        return None
    return round((measured.compared - mean) / norm.sd_hu, 2)
