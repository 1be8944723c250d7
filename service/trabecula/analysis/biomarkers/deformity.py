"""Vertebral deformity from heights (Genant's bands): wedge, biconcave and crush against what the level expects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trabecula.domain import codes
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.result import Measurement
from trabecula.domain.spine import Level
from trabecula.domain.thresholds import DeformityThresholds

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


@dataclass(frozen=True)
class Deformity:
    """The strongest deformity of one body. ``loss`` is the lost part of the expected height (0 to 1)."""

    level: Level
    kind: str
    grade: int
    loss: float
    heights: Heights

    def measurements(self, series_uid: str) -> tuple[Measurement, ...]:
        """Heights and height loss as measurements of the result."""

        def millimetres(concept: codes.Code, value: float) -> Measurement:
            return Measurement(concept, round(value, 2), codes.MILLIMETRE, None, HEIGHTS_METHOD, series_uid)

        return (
            millimetres(codes.ANTERIOR_HEIGHT, self.heights.anterior_mm),
            millimetres(codes.MIDDLE_HEIGHT, self.heights.middle_mm),
            millimetres(codes.POSTERIOR_HEIGHT, self.heights.posterior_mm),
            Measurement(
                codes.HEIGHT_LOSS, round(100 * max(0.0, self.loss), 1), codes.PERCENT, None, HEIGHTS_METHOD, series_uid
            ),
        )

    def reason(self, thresholds: DeformityThresholds) -> Reason | None:
        """FRACTURE_LEVEL from the reported grade on; it blocks the level from the grade that is excluded."""
        if self.grade < min(thresholds.report_from_grade, thresholds.exclude_from_grade):
            return None
        return Reason(
            ReasonCode.FRACTURE_LEVEL,
            blocking=self.grade >= thresholds.exclude_from_grade,
            level=self.level,
            detail=f"{self.kind}, grade {self.grade}, height loss",
            value=round(100 * self.loss),
            limit=round(100 * thresholds.losses[thresholds.exclude_from_grade - 1]),
            unit="%",
        )


def grade_deformities(
    heights: Mapping[Level, Heights], sex: str, thresholds: DeformityThresholds
) -> dict[Level, Deformity]:
    """Return the graded deformity of every level that has an expected shape (T12-L5).

    ``sex`` is F or M; where it is not known the mean of both expectations is used.
    """
    graded = {}
    for level, found in heights.items():
        wedge = _expected(thresholds.expected_wedge_degrees, sex, level)
        if wedge is None or found.posterior_mm <= 0:
            continue
        front = 1.0 - _ARM * found.depth_mm * math.tan(math.radians(wedge)) / found.posterior_mm
        middle = thresholds.expected_middle_ratio * (1.0 + front) / 2
        losses = {
            "wedge": 1.0 - found.anterior_mm / found.posterior_mm / front,
            "biconcave": 1.0 - found.middle_mm / found.posterior_mm / middle,
        }
        expected = _expected_posterior(level, heights, sex, thresholds)
        if expected is not None:
            losses["crush"] = 1.0 - found.posterior_mm / expected
        kind = max(losses, key=lambda name: losses[name])
        graded[level] = Deformity(level, kind, _grade(losses[kind], thresholds), round(losses[kind], 4), found)
    return graded


def _grade(loss: float, thresholds: DeformityThresholds) -> int:
    return sum(loss >= limit for limit in thresholds.losses)


def _expected(table: Mapping[str, Mapping[Level, float]], sex: str, level: Level) -> float | None:
    rows = {"F": ("female",), "M": ("male",)}.get(sex, ("female", "male"))
    values = [table[row][level] for row in rows if level in table[row]]
    return float(np.mean(values)) if values else None


def _expected_posterior(
    level: Level, heights: Mapping[Level, Heights], sex: str, thresholds: DeformityThresholds
) -> float | None:
    """What the other bodies (at least two) say of this one's posterior height, adjusted by level: their median."""
    own = _expected(thresholds.expected_posterior_mm, sex, level)
    said = []
    for other, found in heights.items():
        theirs = _expected(thresholds.expected_posterior_mm, sex, other)
        if other is not level and theirs and own:
            said.append(found.posterior_mm * own / theirs)
    return float(np.median(said)) if len(said) >= 2 else None
