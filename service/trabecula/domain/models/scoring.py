"""What a scorer may look at: the measured series of a study and their context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import LevelResult, Measurement, SeriesRole, SourceSeries

if TYPE_CHECKING:
    from trabecula.domain.segmentation import Segmentation
    from trabecula.domain.volume import Volume


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredSeries:
    """A series that was segmented: its facts, its intensities and its bodies on one grid.

    ``kernel_class`` is SOFT, SHARP or UNKNOWN (CT); ``contrast_phase`` a value of ContrastPhase.
    """

    source: SourceSeries
    volume: Volume
    segmentation: Segmentation
    kernel_class: str = "UNKNOWN"
    contrast_phase: str = "NATIVE"


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoringContext:
    """What a scorer sees: the measured series by role, what was measured, and what the rules know of the patient.

    ``levels`` say which bodies are evaluable. Ages in years, weight in kg, height in m; None and "" where not recorded.
    """

    series: Mapping[SeriesRole, MeasuredSeries]
    levels: tuple[LevelResult, ...]
    summary: tuple[Measurement, ...] = ()
    reasons: tuple[Reason, ...] = ()
    age_years: float | None = None
    sex: str = ""
    weight_kg: float | None = None
    height_m: float | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
