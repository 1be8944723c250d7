"""Whether a cohort is large enough for its number of features: the guard before any export."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula_training.cohort.labels import reference_limits
from trabecula_training.learning.selection import z_scored

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

CLUSTER_CORRELATION = 0.9


def independent_columns(features: Floats, limit: float = CLUSTER_CORRELATION) -> int:
    """Return how many columns remain when of each cluster with |r| above ``limit`` only the first is kept."""
    _, scores = z_scored(features)
    scaled = (scores / np.sqrt(len(scores))).astype(np.float32)
    open_ = np.ones(scaled.shape[1], dtype=bool)
    kept = 0
    for column in range(scaled.shape[1]):
        if open_[column]:
            kept += 1
            open_[column:] &= np.abs(scaled[:, column] @ scaled[:, column:]) <= limit
    return kept


@dataclass(frozen=True)
class SampleSize:
    """Events (patients of the rarer class), candidate parameters after unsupervised reduction, and what is lacking."""

    events: int
    parameters: int
    shortfalls: tuple[str, ...]


def sample_size(features: Floats, labels: Labels) -> SampleSize:
    """Return the guard's word on a training set; ``shortfalls`` is empty where it is large enough."""
    limits = reference_limits()
    fewest_events = int(limits["events_for_export_at_least"]["value"])
    fewest_each = float(limits["events_per_parameter_at_least"]["value"])
    events = int(min((labels == 1).sum(), (labels == 0).sum()))
    parameters = independent_columns(features)
    shortfalls: list[str] = []
    if events < fewest_events:
        shortfalls.append(f"{events} events, fewer than {fewest_events}")
    if events < fewest_each * parameters:
        shortfalls.append(
            f"{events / max(1, parameters):.2f} events per candidate parameter ({parameters} after removal of "
            f"correlated features), fewer than {fewest_each:g}"
        )
    return SampleSize(events, parameters, tuple(shortfalls))
