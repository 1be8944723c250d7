"""What a gate looks at: one segmented series, its bodies and the patient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from trabecula.analysis.gates.vessels import enhanced_vessel
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import ContrastPhase, Thresholds
from trabecula.domain.segmentation import Segmentation
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.uids import SeriesUid
from trabecula.domain.volume import Volume
from trabecula.imaging.acquisition import Acquisition, StatedPatient
from trabecula.regions.bodies import Body
from trabecula.series.choice import Candidate


@dataclass(frozen=True, eq=False, kw_only=True)
class GateContext:
    """One series that was segmented. ``bodies`` go from head to foot."""

    candidate: Candidate
    volume: Volume
    segmentation: Segmentation
    bodies: tuple[Body, ...]
    patient: StatedPatient
    thresholds: Thresholds

    @property
    def role(self) -> SeriesRole:
        """What the series is used for."""
        return self.candidate.role

    @property
    def made(self) -> Acquisition:
        """How the series was acquired."""
        return self.candidate.acquisition

    @property
    def series_uid(self) -> SeriesUid:
        """The series all reasons name."""
        return self.candidate.series_uid

    @property
    def measured_bodies(self) -> tuple[Body, ...]:
        """The bodies of L1-L4."""
        return tuple(body for body in self.bodies if body.level in MEASURED_LEVELS)

    @cached_property
    def vessel_hu(self) -> float | None:
        """The attenuation of an enhanced vessel before the spine (CT); None where there is none."""
        return enhanced_vessel(self.measured_bodies) if self.role is SeriesRole.CT else None

    @cached_property
    def phase(self) -> ContrastPhase:
        """The phase that the headers tell; doubtful where they tell none and a vessel shows contrast agent."""
        told = self.candidate.phase
        return ContrastPhase.DOUBTFUL if told is ContrastPhase.NATIVE and self.vessel_hu is not None else told

    def reason(
        self,
        code: ReasonCode,
        *,
        blocking: bool = True,
        level: Level | None = None,
        detail: str = "",
        value: float | None = None,
        limit: float | None = None,
        unit: str = "",
    ) -> Reason:
        """A reason that names this series."""
        return Reason(
            code=code,
            blocking=blocking,
            level=level,
            series_uid=self.series_uid,
            detail=detail,
            value=value,
            limit=limit,
            unit=unit,
        )


Gate = Callable[[GateContext], Iterable[Reason]]
"""Gives the reasons it finds: with a level they concern that level, without one the whole study."""
