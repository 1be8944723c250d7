"""What a scorer may look at: the measured series of a study and their context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trabecula.domain.reconstruction_kernel import KernelClass
from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import LevelResult, Measurement, SeriesRole, SourceSeries
from trabecula.domain.results.thresholds import ContrastPhase

if TYPE_CHECKING:
    from trabecula.domain.segmentation import Segmentation
    from trabecula.domain.volume import Volume


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredSeries:
    """A series that was segmented: its facts, its intensities and its bodies on one grid.

    Kernel and phase are of a CT and stay as they are for MR, whose models do not ask for them.
    """

    source: SourceSeries
    volume: Volume
    segmentation: Segmentation
    kernel_class: KernelClass = KernelClass.UNKNOWN
    contrast_phase: ContrastPhase = ContrastPhase.NATIVE


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
