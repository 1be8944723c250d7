"""Finds the spine in a volume: a few coarse planes first, so that the network runs only where bodies are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.volume import Volume
from trabecula.segmentation.network.grids import Axes, Grid, Span, is_acquired_sagittal, lay_grid, scout_grid, whole
from trabecula.segmentation.network.inference import Maps, NetworkSession
from trabecula.segmentation.network.preprocess import Intensity, body_span, cut_stack

_SCOUT_STEP_MM = 18.0
_WIDE_STEP_MM = 12.0
_FEW_SLICES = 4
_FOUND_MM2, _SEEN_MM2 = 400.0, 150.0
_UPRIGHT_RATIO = 1.5
_UPRIGHT_MM2 = 600.0
_UPRIGHT_S1_MM2, _UPRIGHT_SACRUM_MM2 = 600.0, 50.0
_SURE = 0.8
_SIDE_MARGIN_MM = 16.0
_HALF_WIDTH_MM = 34.0
_FRONT_MARGIN_MM, _BACK_MARGIN_MM, _END_MARGIN_MM = 26.0, 50.0, 40.0


@dataclass(frozen=True, eq=False)
class FoundSpine:
    """Where to run the network: axes (perhaps reversed against the header), region, and whether they are reversed."""

    axes: Axes
    span: Span
    reversed: bool
    found: bool


@dataclass(frozen=True)
class _Look:
    """What coarse planes show: the region around the column, its area in the best plane (mm2), where that plane lies,
    and what in it tells that it is seen the right way round (S1, posterior elements, sacrum; mm2 each)."""

    span: Span
    area: float
    plane: float
    upright: tuple[float, float, float]


def find_spine(volume: Volume, axes: Axes, network: NetworkSession, intensity: Intensity) -> FoundSpine:
    """Look for bodies as the header says; where another direction fits the anatomy much better, look there.

    Nothing else is tried where a whole S1 with its sacrum appears as the header says: it never does upside down or
    from behind. ``found`` is False where no bodies appear either way.
    """
    look = _scout(volume, axes, network, intensity)
    if look.area > 0 and _lower_end(look.upright):
        return FoundSpine(axes, look.span, False, True)
    near = _around(look.span, axes)
    given = sum(look.upright[:2])
    ways = ((True, False), (False, True), (True, True))
    turned = [axes.flipped(*way) for way in ways]
    scores = []
    for other, (down, back) in zip(turned, ways, strict=True):
        where = (_mirrored(near, axes, down, back), look.plane)
        shown = _upright_plane(volume, other, where, network, intensity)
        scores.append(0.0 if down and not _lower_end(shown) else sum(shown[:2]))
    best = int(np.argmax(scores))
    if scores[best] > _UPRIGHT_RATIO * given and scores[best] > _UPRIGHT_MM2:
        again = _scout(volume, turned[best], network, intensity)
        if again.area >= _FOUND_MM2:
            return FoundSpine(turned[best], again.span, True, True)
    return FoundSpine(axes, look.span, False, look.area > 0)


def _lower_end(shown: tuple[float, float, float]) -> bool:
    """True where a plane shows a whole S1 with its sacrum (areas of S1, posterior elements, sacrum; mm2)."""
    return shown[0] >= _UPRIGHT_S1_MM2 and shown[2] >= _UPRIGHT_SACRUM_MM2


def _around(span: Span, axes: Axes) -> Span:
    """The span with room before and behind, within the volume: what is needed to tell front from back."""
    limits = whole(axes)
    row = (max(span.row[0], 0.0), min(span.row[1], limits.row[1]))
    return Span(span.side, row, (max(span.column[0] - 40, 0.0), min(span.column[1] + 20, limits.column[1])))


def _mirrored(span: Span, axes: Axes, down: bool, back: bool) -> Span:
    """The same region of the volume in the coordinates of reversed axes."""
    limits = whole(axes)
    row = (limits.row[1] - span.row[1], limits.row[1] - span.row[0]) if down else span.row
    column = (limits.column[1] - span.column[1], limits.column[1] - span.column[0]) if back else span.column
    return Span(span.side, row, column)


def _uprightness(
    maps: Maps, plane: int, rows: slice = slice(None), columns: slice = slice(None)
) -> tuple[float, float, float]:
    """How much of a part of one plane the network surely calls S1, posterior elements, and sacrum (mm2 each).

    Bodies and discs look alike upside down and from behind; S1 is found only at the lower end, processes only behind.
    Without S1 and the sacrum below it nothing tells head from foot.
    """
    sure = (maps.probability(name)[plane, rows, columns] > _SURE for name in ("s1", "posterior", "sacrum"))
    s1, posterior, sacrum = (float(part.sum()) for part in sure)
    return s1, posterior, sacrum


def _upright_plane(
    volume: Volume, axes: Axes, where: tuple[Span, float], network: NetworkSession, intensity: Intensity
) -> tuple[float, float, float]:
    """The uprightness of one plane of a region, seen in this direction."""
    laid = lay_grid(axes, where[0], axes.steps_mm[0])
    grid = Grid(axes=axes, side=np.array([where[1]]), row=laid.row, column=laid.column, side_step_mm=axes.steps_mm[0])
    return _uprightness(network.predict(cut_stack(volume, grid, intensity)), 0)


def _scout(volume: Volume, axes: Axes, network: NetworkSession, intensity: Intensity) -> _Look:
    """Run coarse planes.

    Planes near the middle come first, then the whole width. Where neither shows a body, one plane is left to look at.
    """
    span, acquired = body_span(volume, axes), is_acquired_sagittal(axes)
    for grid in _scout_grids(axes, span, acquired):
        found = _region(network.predict(cut_stack(volume, grid, intensity)), grid, axes)
        if found.area > 0 or acquired:
            return found
    return replace(found, span=Span((span.side[0], span.side[0]), span.row, span.column))


def _scout_grids(axes: Axes, span: Span, acquired: bool) -> tuple[Grid, ...]:
    if not acquired:
        return scout_grid(axes, span), lay_grid(axes, span, _WIDE_STEP_MM)
    step = axes.steps_mm[0]
    every = 1 if axes.sizes[0] <= _FEW_SLICES else max(1, round(_SCOUT_STEP_MM / step))
    return (lay_grid(axes, span, every * step),)


def _region(maps: Maps, grid: Grid, axes: Axes) -> _Look:
    everything, middle = whole(axes), len(grid.side) // 2
    nothing = _Look(everything, 0.0, float(grid.side[middle]), _uprightness(maps, middle))
    bodies = maps.probability("body", "rim") > 0.5
    column = bodies | (maps.probability("disc", "s1", "sacrum") > 0.5)
    named, count = ndimage.label(column, structure=np.ones((3, 3, 3), dtype=bool))
    if not count:
        return nothing
    sizes = ndimage.sum_labels(bodies, named, np.arange(1, count + 1))
    keep = np.concatenate([[False], sizes >= 0.15 * sizes.max()])[named] & column
    areas = (bodies & keep).sum(axis=(1, 2))
    best = int(areas.argmax())
    if areas[best] <= 0:
        return nothing
    first_plane, last_plane = run_around(areas > _SEEN_MM2, best)
    rows = np.flatnonzero(keep.any(axis=(0, 2)))
    columns = np.flatnonzero(keep.any(axis=(0, 1)))
    offset = [_from_start(axes, k, place) for k, place in enumerate((grid.side, grid.row, grid.column))]
    if areas[best] > _SEEN_MM2 and not is_acquired_sagittal(axes):
        first, last = (offset[0] + plane * grid.side_step_mm for plane in (first_plane, last_plane))
        centre = (first + last) / 2
        side = (
            min(first - _SIDE_MARGIN_MM, centre - _HALF_WIDTH_MM),
            max(last + _SIDE_MARGIN_MM, centre + _HALF_WIDTH_MM),
        )
    else:
        side = everything.side
    span = Span(
        side,
        (offset[1] + rows[0] - _END_MARGIN_MM, offset[1] + rows[-1] + _END_MARGIN_MM),
        (offset[2] + columns[0] - _FRONT_MARGIN_MM, offset[2] + columns[-1] + _BACK_MARGIN_MM),
    )
    near = _around(span, axes)
    part = [_indices(edges, first) for edges, first in ((near.row, offset[1]), (near.column, offset[2]))]
    return _Look(span, float(areas[best]), float(grid.side[best]), _uprightness(maps, best, part[0], part[1]))


def run_around(shown: NDArray[np.bool_], middle: int) -> tuple[int, int]:
    """First and last index of the unbroken run of True around ``middle``: a spine is wider than planes lie apart, so
    what shows beyond an empty plane is something else."""
    low = high = middle
    while low > 0 and shown[low - 1]:
        low -= 1
    while high + 1 < len(shown) and shown[high + 1]:
        high += 1
    return low, high


def _indices(edges_mm: tuple[float, float], first_mm: float) -> slice:
    """The samples, 1 mm apart from ``first_mm`` on, between two edges."""
    low, high = (max(0, round(edge - first_mm)) for edge in edges_mm)
    return slice(low, high)


def _from_start(axes: Axes, k: int, place: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Distance (mm) of a grid's first sample from the stack's first possible sample along one axis."""
    first = float(place[0])
    return (first if axes.signs[k] > 0 else axes.sizes[k] - 1 - first) * axes.steps_mm[k]
