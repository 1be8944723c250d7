"""Lost height of a vertebral body as a result tells it: how much in words, and whether it was named with advice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trabecula.domain.spine import Level
from trabecula.domain.uids import NO_SERIES, SeriesUid


class DeformityDegree(StrEnum):
    """How much height is lost, in the words of readers (Genant's bands, and less than them)."""

    MINIMAL = "minimal"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


@dataclass(frozen=True, kw_only=True)
class GradedDeformity:
    """One body that lost height. ``kind`` is wedge, biconcave or crush; ``loss_percent`` what of its expected height.

    ``named``: the impression calls it a possible vertebral fracture; ``recommended``: with what to do about it.
    """

    level: Level
    kind: str
    degree: DeformityDegree
    loss_percent: float
    named: bool
    recommended: bool
    series_uid: SeriesUid = NO_SERIES
