"""Where a point lies along and around a spine: its segment of the chain and coordinates that follow the curve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trabecula.phantom.anatomy_types import Array, Spine, Vertebra


@dataclass(frozen=True, eq=False, kw_only=True)
class SpineField:
    """The chain as arrays: centres and axes ``[vertebra, xyz]`` and the measures that vary along it."""

    spine: Spine
    centres: Array
    left: Array
    back: Array
    up: Array
    depth: Array
    width: Array
    canal_depth: Array
    canal_width: Array


@lru_cache(maxsize=16)
def field_of(spine: Spine) -> SpineField:
    """Lay a spine out as arrays."""
    chain = spine.vertebrae

    def column(values: list[float]) -> Array:
        return np.asarray(values, dtype=np.float32)

    return SpineField(
        spine=spine,
        centres=np.stack([v.centre_mm for v in chain]),
        left=np.stack([v.axes[:, 0] for v in chain]),
        back=np.stack([v.axes[:, 1] for v in chain]),
        up=np.stack([v.axes[:, 2] for v in chain]),
        depth=column([v.body.depth for v in chain]),
        width=column([v.body.width for v in chain]),
        canal_depth=column([v.posterior.canal_depth for v in chain]),
        canal_width=column([v.posterior.canal_width for v in chain]),
    )


@dataclass(frozen=True, eq=False)
class Located:
    """Points in coordinates that follow the spine.

    ``segment`` k means between the mid-planes of vertebrae k and k+1; ``along`` is k plus the fraction between them
    (0 at the mid-plane of the most caudal one); ``x`` (left) and ``y`` (posterior) are mm from the curve.
    """

    segment: NDArray[np.intp]
    along: Array
    x: Array
    y: Array

    def interpolate(self, values: Array) -> Array:
        """Read a measure of the chain at every point."""
        fraction = np.clip(self.along - self.segment, 0, 1)
        low, high = values[self.segment], values[self.segment + 1]
        return np.asarray(low + (high - low) * fraction, dtype=np.float32)


def _dot(points: Array, axes: Array, centres: Array) -> Array:
    """Coordinates along one axis of every vertebra: ``[vertebra, point]``."""
    return np.asarray(axes @ points.T - np.sum(axes * centres, axis=1)[:, None], dtype=np.float32)


def locate(field: SpineField, points: Array) -> Located:
    """Give every point ``(n, 3)`` its segment and its place along and around the spine."""
    segment, fraction = _place(field, points)
    rows = np.arange(len(points))
    x = _dot(points, field.left, field.centres)
    y = _dot(points, field.back, field.centres)
    weight = np.clip(fraction, 0, 1)
    return Located(
        segment=segment,
        along=np.asarray(segment + fraction, dtype=np.float32),
        x=np.asarray(x[segment, rows] * (1 - weight) + x[segment + 1, rows] * weight, dtype=np.float32),
        y=np.asarray(y[segment, rows] * (1 - weight) + y[segment + 1, rows] * weight, dtype=np.float32),
    )


def along(field: SpineField, points: Array) -> Array:
    """The place of every point ``(n, 3)`` along the spine alone, as ``locate`` gives it."""
    segment, fraction = _place(field, points)
    return np.asarray(segment + fraction, dtype=np.float32)


def _place(field: SpineField, points: Array) -> tuple[NDArray[np.intp], Array]:
    """The segment of every point and the share of it that lies behind the point."""
    count = len(field.centres)
    height = _dot(points, field.up, field.centres)
    segment = np.full(len(points), -1, dtype=np.intp)
    for row in height:
        segment += row >= 0
    segment = np.clip(segment, 0, count - 2)
    rows = np.arange(len(points))
    low, high = height[segment, rows], height[segment + 1, rows]
    fraction = low / np.where(np.abs(low - high) < 1e-3, 1e-3, low - high)
    return segment, np.clip(fraction, -1, 2).astype(np.float32)


def into_frame(vertebra: Vertebra, points: Array) -> tuple[Array, Array, Array]:
    """Coordinates (left, posterior, up) of points in a vertebra's frame, mm."""
    local = np.asarray((points - vertebra.centre_mm) @ vertebra.axes, dtype=np.float32)
    return local[:, 0], local[:, 1], local[:, 2]
