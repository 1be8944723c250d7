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
    ``partial``: a level counts with the values that it has, and what no level has is NaN, for the model to fill.
    """

    roles: tuple[SeriesRole, ...]
    levels: tuple[Level, ...]
    aggregation: LevelAggregation
    features: tuple[str, ...]
    min_levels: int = 2
    partial: bool = False

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The name of every column, in order."""
        places = [str(level) for level in self.levels] if self.aggregation is LevelAggregation.CONCATENATE else ["mean"]
        return tuple(f"{role}|{place}|{name}" for role in self.roles for place in places for name in self.features)

    def vector(self, values: Mapping[tuple[SeriesRole, Level], NDArray[np.float64]]) -> NDArray[np.float64] | None:
        """Return the vector of one patient, float64 ``[columns]``, or None when too few levels are usable.

        ``values`` maps (role, level) to that level's features in the order of ``features``. A level with any value
        that is not finite counts as missing; in a ``partial`` layout only one without any finite value does.
        """
        parts: list[NDArray[np.float64]] = []
        for role in self.roles:
            present = {level: values[role, level] for level in self.levels if (role, level) in values}
            usable = {level: known for level, row in present.items() if (known := self._usable(row)) is not None}
            if len(usable) < self.min_levels:
                return None
            mean = _mean_of_known(np.stack(list(usable.values())))
            if self.aggregation is LevelAggregation.MEAN:
                parts.append(mean)
            else:
                rows = [usable.get(level, mean) for level in self.levels]
                parts.extend(np.where(np.isnan(row), mean, row) for row in rows)
        return np.concatenate(parts).astype(np.float64)

    def _usable(self, row: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """The row with NaN for whatever is not finite, or None where the level counts as missing."""
        finite = np.isfinite(row)
        counts = finite.any() if self.partial else finite.all()
        return np.where(finite, row, np.nan).astype(np.float64) if counts else None


def _mean_of_known(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each column over the rows that have it; NaN where none does."""
    known = np.isfinite(rows)
    if known.all():
        return np.asarray(rows.mean(axis=0), dtype=np.float64)
    count = known.sum(axis=0)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
