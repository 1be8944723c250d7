"""Finds the spine in a volume: a few coarse planes first, so that the network runs only where bodies are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from trabecula.analysis.segmentation.inference import Maps, Network
from trabecula.analysis.segmentation.preprocess import (
    Intensity,
    Span,
    body_span,
    cut_stack,
    is_acquired_sagittal,
    lay_grid,
    scout_grid,
    whole,
)
from trabecula.analysis.segmentation.stack import Axes, Grid
from trabecula.domain.volume import Volume

_SCOUT_STEP_MM = 12.0
_FEW_SLICES = 4
_FOUND_MM2 = 400.0
_SIDE_MARGIN_MM = 16.0
_HALF_WIDTH_MM = 34.0
_FRONT_MARGIN_MM, _BACK_MARGIN_MM, _END_MARGIN_MM = 30.0, 62.0, 40.0


@dataclass(frozen=True, eq=False)
class Finding:
    """Where to run the network: axes (perhaps reversed against the header), region, and whether they are reversed."""

    axes: Axes
    span: Span
    reversed: bool
    found: bool


def find_spine(volume: Volume, axes: Axes, network: Network, intensity: Intensity) -> Finding:
    """Look for bodies as the header says, then with reversed directions; ``found`` is False where none appear."""
    best = _scout(volume, axes, network, intensity)
    if best[1] >= _FOUND_MM2:
        return Finding(axes, best[0], False, True)
    for down, back in ((True, False), (False, True), (True, True)):
        turned = axes.flipped(down, back)
        span, area = _scout(volume, turned, network, intensity)
        if area >= 2.0 * _FOUND_MM2 and area > 3.0 * best[1]:
            return Finding(turned, span, True, True)
    return Finding(axes, best[0], False, best[1] > 0)


def _scout(volume: Volume, axes: Axes, network: Network, intensity: Intensity) -> tuple[Span, float]:
    """Run coarse planes; return the region around the column and its area in the best plane (mm2)."""
    span = body_span(volume, axes)
    if is_acquired_sagittal(axes):
        step = axes.steps_mm[0]
        every = 1 if axes.sizes[0] <= _FEW_SLICES else max(1, round(_SCOUT_STEP_MM / step))
        grid = lay_grid(axes, span, every * step)
    else:
        grid = scout_grid(axes, span)
    maps = network.predict(cut_stack(volume, grid, intensity))
    return _region(maps, grid, axes)


def _region(maps: Maps, grid: Grid, axes: Axes) -> tuple[Span, float]:
    everything = whole(axes)
    bodies = maps.probability("body", "rim") > 0.5
    column = bodies | (maps.probability("disc", "s1", "sacrum") > 0.5)
    named, count = ndimage.label(column, structure=np.ones((3, 3, 3), dtype=bool))
    if not count:
        return everything, 0.0
    sizes = ndimage.sum_labels(bodies, named, np.arange(1, count + 1))
    keep = np.concatenate([[False], sizes >= 0.15 * sizes.max()])[named] & column
    area = float((bodies & keep).sum(axis=(1, 2)).max())
    if area <= 0:
        return everything, 0.0
    planes = np.flatnonzero((bodies & keep).sum(axis=(1, 2)) > 150)
    rows = np.flatnonzero(keep.any(axis=(0, 2)))
    columns = np.flatnonzero(keep.any(axis=(0, 1)))
    offset = [_from_start(axes, k, place) for k, place in enumerate((grid.side, grid.row, grid.column))]
    if len(planes) and not is_acquired_sagittal(axes):
        first, last = offset[0] + planes[0] * grid.side_step_mm, offset[0] + planes[-1] * grid.side_step_mm
        middle = (first + last) / 2
        side = (min(first - _SIDE_MARGIN_MM, middle - _HALF_WIDTH_MM), max(last + _SIDE_MARGIN_MM, middle + _HALF_WIDTH_MM))
    else:
        side = everything.side
    return Span(
        side,
        (offset[1] + rows[0] - _END_MARGIN_MM, offset[1] + rows[-1] + _END_MARGIN_MM),
        (offset[2] + columns[0] - _FRONT_MARGIN_MM, offset[2] + columns[-1] + _BACK_MARGIN_MM),
    ), area


def _from_start(axes: Axes, k: int, place: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Distance (mm) of a grid's first sample from the stack's first possible sample along one axis."""
    first = float(place[0])
    return (first if axes.signs[k] > 0 else axes.sizes[k] - 1 - first) * axes.steps_mm[k]
