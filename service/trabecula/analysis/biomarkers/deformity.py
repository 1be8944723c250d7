"""Vertebral deformity from heights (Genant's bands): wedge, biconcave and crush against what the level expects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trabecula.domain import codes
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Measurement
from trabecula.domain.results.thresholds import DeformityThresholds
from trabecula.domain.spine import Level
from trabecula.domain.uids import SeriesUid

HEIGHTS_METHOD = "heights_v1"
_ARM = 0.8 * 2 / 3
"""Distance between the middles of the anterior and posterior thirds of the trimmed depth, as a part of the depth."""


@dataclass(frozen=True)
class Heights:
    """Heights of one body in mm and its depth (anterior to posterior)."""

    anterior_mm: float
    middle_mm: float
    posterior_mm: float
    depth_mm: float

    @property
    def parts(self) -> tuple[float, float, float]:
        """Anterior, middle and posterior height."""
        return self.anterior_mm, self.middle_mm, self.posterior_mm


@dataclass(frozen=True, kw_only=True)
class Deformity:
    """The strongest deformity of one body. ``loss`` is the lost part of the expected height (0 to 1)."""

    level: Level
    kind: str
    grade: int
    loss: float
    heights: Heights

    def measurements(self, series_uid: SeriesUid) -> tuple[Measurement, ...]:
        """Heights and height loss as measurements of the result."""

        def millimetres(concept: codes.Code, value: float) -> Measurement:
            return Measurement(
                concept=concept,
                value=round(value, 2),
                unit=codes.MILLIMETRE,
                derivation=None,
                method=HEIGHTS_METHOD,
                series_uid=series_uid,
            )

        return (
            millimetres(codes.ANTERIOR_HEIGHT, self.heights.anterior_mm),
            millimetres(codes.MIDDLE_HEIGHT, self.heights.middle_mm),
            millimetres(codes.POSTERIOR_HEIGHT, self.heights.posterior_mm),
            Measurement(
                concept=codes.HEIGHT_LOSS,
                value=round(100 * max(0.0, self.loss), 1),
                unit=codes.PERCENT,
                derivation=None,
                method=HEIGHTS_METHOD,
                series_uid=series_uid,
            ),
        )

    def reason(self, thresholds: DeformityThresholds) -> Reason:
        """FRACTURE_LEVEL; it blocks the level from the grade that is excluded."""
        return Reason(
            code=ReasonCode.FRACTURE_LEVEL,
            blocking=self.grade >= thresholds.exclude_from_grade,
            level=self.level,
            detail=f"{thresholds.degree(self.loss) or 'little'} {self.kind}, height loss",
            value=round(100 * self.loss),
            unit="%",
        )


def grade_deformities(
    heights: Mapping[Level, Heights], sex: str, thresholds: DeformityThresholds
) -> dict[Level, Deformity]:
    """Return the graded deformity of every level that has an expected shape (T12-L5).

    Wedge and biconcave loss are the mean of what the body's own posterior height and what the other bodies expect;
    crush is what the other bodies expect of the posterior height. ``sex`` is F or M; where it is not known the mean of
    both expectations is used.
    """
    shapes = {level: shape for level, found in heights.items() if (shape := _normal(level, found, sex, thresholds))}
    graded = {}
    for level, (front, middle, _) in shapes.items():
        found = heights[level]
        losses = {
            "wedge": [1.0 - found.anterior_mm / found.posterior_mm / front],
            "biconcave": [1.0 - found.middle_mm / found.posterior_mm / middle],
            "crush": [],
        }
        for kind, part in (("wedge", 0), ("biconcave", 1), ("crush", 2)):
            expected = _said_by_others(level, part, heights, shapes, sex, thresholds)
            if expected is not None:
                losses[kind].append(1.0 - found.parts[part] / expected)
        mean = {kind: float(np.mean(values)) for kind, values in losses.items() if values}
        kind = max(mean, key=lambda name: mean[name])
        graded[level] = Deformity(
            level=level,
            kind=kind,
            grade=thresholds.grade(round(mean[kind], 4)),
            loss=round(mean[kind], 4),
            heights=found,
        )
    return graded


def _normal(
    level: Level, found: Heights, sex: str, thresholds: DeformityThresholds
) -> tuple[float, float, float] | None:
    """Expected anterior, middle and posterior height of a level in parts of the posterior one."""
    wedge = _expected(thresholds.expected_wedge_degrees, sex, level)
    if wedge is None or found.posterior_mm <= 0:
        return None
    front = 1.0 - _ARM * found.depth_mm * math.tan(math.radians(wedge)) / found.posterior_mm
    return front, thresholds.expected_middle_ratio * (1.0 + front) / 2, 1.0


def _expected(table: Mapping[str, Mapping[Level, float]], sex: str, level: Level) -> float | None:
    rows = {"F": ("female",), "M": ("male",)}.get(sex, ("female", "male"))
    values = [table[row][level] for row in rows if level in table[row]]
    return float(np.mean(values)) if values else None


def _said_by_others(
    level: Level,
    part: int,
    heights: Mapping[Level, Heights],
    shapes: Mapping[Level, tuple[float, float, float]],
    sex: str,
    thresholds: DeformityThresholds,
) -> float | None:
    """What the other bodies (at least two) say of this one's height, adjusted by level: their median."""
    table = thresholds.expected_posterior_mm
    own = _expected(table, sex, level)
    said = []
    for other, shape in shapes.items():
        theirs = _expected(table, sex, other)
        if other is not level and theirs and own:
            said.append(heights[other].parts[part] * own * shapes[level][part] / theirs / shape[part])
    return float(np.median(said)) if len(said) >= 2 else None
