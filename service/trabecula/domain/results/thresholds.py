"""What the numbers of a result are compared with: frozen thresholds, conversions and validity windows, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trabecula.domain.results.deformity import DeformityDegree
from trabecula.domain.spine import Level


class ContrastPhase(StrEnum):
    """When a CT was acquired relative to intravenous contrast agent."""

    NATIVE = "NATIVE"
    ARTERIAL = "ARTERIAL"
    VENOUS = "VENOUS"
    DELAYED = "DELAYED"
    UNKNOWN = "UNKNOWN"
    """Contrast agent was given; the phase is not recorded."""
    DOUBTFUL = "DOUBTFUL"
    """The headers leave open whether contrast agent was given; between native and an unknown phase."""


@dataclass(frozen=True)
class ContrastCorrection:
    """By what contrast agent multiplies trabecular attenuation in one phase, and the published span of it.

    A factor, because what contrast agent adds grows with density: a constant takes too much from low bone.
    """

    factor: float
    lowest: float
    highest: float


@dataclass(frozen=True, kw_only=True)
class AttenuationThresholds:
    """Categories of CT attenuation at L1: suspected at or below one value, no flag above the other."""

    suspected_at_or_below_hu: float
    no_flag_above_hu: float
    roi_offset_hu: float
    standard_kvp: float
    standard_kvp_tolerance: float
    factor_to_120: Mapping[float, float]
    contrast: Mapping[ContrastPhase, ContrastCorrection]
    outlier_hu: float
    minimum_levels: int
    least_change_percent: float
    """Least significant change of one person's attenuation between two examinations."""

    def kvp_factor(self, kvp: float | None) -> float | None:
        """Return the factor that converts HU at ``kvp`` to 120 kVp: 1 at 120 or when unknown, None without a line."""
        if kvp is None or abs(kvp - self.standard_kvp) <= self.standard_kvp_tolerance:
            return 1.0
        return next((f for line, f in self.factor_to_120.items() if abs(line - kvp) <= 0.5), None)


@dataclass(frozen=True, kw_only=True)
class AttenuationNorm:
    """Mean attenuation of one level by age in a screened population: a straight line and its standard deviation.

    Ages are whole years lived; outside of ``youngest_age_years`` to ``oldest_age_years`` the line says nothing.
    """

    level: Level
    youngest_mean_hu: float
    youngest_age_years: float
    oldest_age_years: float
    loss_per_year_hu: float
    sd_hu: float

    def expected_hu(self, age_years: float) -> float | None:
        """Return the mean of people of this age, or None outside the ages of the norm."""
        if not self.youngest_age_years <= age_years < self.oldest_age_years + 1:
            return None
        return self.youngest_mean_hu - self.loss_per_year_hu * (age_years - self.youngest_age_years)


@dataclass(frozen=True, kw_only=True)
class VbqReference:
    """A site's own reference for VBQ: valid for one scanner model, field strength and band of repetition times."""

    manufacturer_model: str
    field_strength_t: float
    shortest_tr_ms: float
    longest_tr_ms: float
    suspected_at_or_above: float
    no_flag_below: float

    def fits(self, model: str, field_strength_t: float | None, tr_ms: float | None) -> bool:
        """Return whether a series falls under this reference."""
        return (
            model.casefold() == self.manufacturer_model.casefold()
            and field_strength_t is not None
            and abs(field_strength_t - self.field_strength_t) <= 0.1
            and tr_ms is not None
            and self.shortest_tr_ms <= tr_ms <= self.longest_tr_ms
        )


@dataclass(frozen=True, kw_only=True)
class VbqThresholds:
    """The validity window of VBQ and the site's references (none are shipped: no cut-off is universal)."""

    shortest_tr_ms: float
    longest_tr_ms: float
    shortest_te_ms: float
    longest_te_ms: float
    minimum_levels: int
    references: tuple[VbqReference, ...] = ()


@dataclass(frozen=True)
class FracturePattern:
    """So many bodies, each with at least so much lost height (parts of 1, most first); ``apart``: no two neighbours."""

    least_losses: tuple[float, ...]
    apart: bool = False


@dataclass(frozen=True)
class FractureRule:
    """Which patterns of lost height point to osteoporosis in people of one sex (F, M) from an age on."""

    sex: str
    from_age_years: float
    patterns: tuple[FracturePattern, ...]


@dataclass(frozen=True, kw_only=True)
class DeformityThresholds:
    """Genant bands as height loss, what losses mean by sex and age, and what is expected of a normal body by level.

    Losses are parts of 1. ``losses`` are where mild, moderate and severe begin.
    """

    always_told_from_loss: float
    exclude_from_grade: int
    minimal_loss: float
    losses: tuple[float, float, float]
    rules: tuple[FractureRule, ...]
    expected_middle_ratio: float
    expected_wedge_degrees: Mapping[str, Mapping[Level, float]]
    expected_posterior_mm: Mapping[str, Mapping[Level, float]]

    def grade(self, loss: float) -> int:
        """Return Genant's grade: 0 (below mild) to 3."""
        return sum(loss >= limit for limit in self.losses)

    def degree(self, loss: float) -> DeformityDegree | None:
        """Return a loss in the words of readers, or None where it is less than minimal."""
        if loss < min(self.minimal_loss, self.losses[0]):
            return None
        return tuple(DeformityDegree)[self.grade(loss)]


@dataclass(frozen=True)
class OvalRegion:
    """The oval of the single-slice value, in fractions of the body's depth and width."""

    centre_anterior_of_middle: float
    half_depth: float
    half_width: float
    half_height_mm: float


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Everything a value is compared with. ``digest`` is the SHA-256 of the data it was read from."""

    attenuation: AttenuationThresholds
    norm: AttenuationNorm
    oval: OvalRegion
    vbq: VbqThresholds
    deformity: DeformityThresholds
    minimum_age_years: int
    young_below_years: int
    digest: str
