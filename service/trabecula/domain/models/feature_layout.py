"""The order of a model's feature vector: from features per level and series to one named vector per patient.

Training and service build their vectors with the same function, so that a column means the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level


class LevelAggregation(StrEnum):
    """How the features of several levels become one vector."""

    MEAN = "mean"
    """Mean over the levels present (jiang2026, radscore)."""
    CONCATENATE = "concatenate"
    """Every level has its own columns (xue2022); a missing level gets the mean of the levels present."""


@dataclass(frozen=True, kw_only=True)
class FeatureLayout:
    """Which features of which levels and series stand in which order.

    Columns run over ``roles``, then (for CONCATENATE) over ``levels``, then over ``features``; a column is named
    ``<role>|<level or mean>|<feature>``. Fewer than ``min_levels`` usable levels in any role give no vector.
    """

    roles: tuple[SeriesRole, ...]
    levels: tuple[Level, ...]
    aggregation: LevelAggregation
    features: tuple[str, ...]
    min_levels: int = 2

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The name of every column, in order."""
        places = [str(level) for level in self.levels] if self.aggregation is LevelAggregation.CONCATENATE else ["mean"]
        return tuple(f"{role}|{place}|{name}" for role in self.roles for place in places for name in self.features)

    def vector(self, values: Mapping[tuple[SeriesRole, Level], NDArray[np.float64]]) -> NDArray[np.float64] | None:
        """Return the vector of one patient, float64 ``[columns]``, or None when too few levels are usable.

        ``values`` maps (role, level) to that level's features in the order of ``features``. A level with any value
        that is not finite counts as missing.
        """
        parts: list[NDArray[np.float64]] = []
        for role in self.roles:
            present = {level: values[role, level] for level in self.levels if (role, level) in values}
            usable = {level: row for level, row in present.items() if np.isfinite(row).all()}
            if len(usable) < self.min_levels:
                return None
            mean: NDArray[np.float64] = np.stack(list(usable.values())).astype(np.float64).mean(axis=0)
            if self.aggregation is LevelAggregation.MEAN:
                parts.append(mean)
            else:
                parts.extend(usable.get(level, mean) for level in self.levels)
        return np.concatenate(parts).astype(np.float64)
