"""Where the samples of a stack lie in a volume: axes, regions and grids; every grid of the segmenter is laid here.

A stack is aligned with the axes of the volume's array (permuted and reversed), so every way back is separable. Nothing
here reads a voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from trabecula.domain.modality import Modality
from trabecula.domain.volume import FloatArray, Geometry

PIXEL_MM = 1.0
FINE_SIDE_MM = {Modality.CT: 1.5, Modality.MR: 2.0}
"""Distance of sagittal planes cut from volumes that are finer sideways."""
_NATIVE_SIDE_MM = 1.4
"""From this distance on, the acquired sagittal slices are used as they are."""
_SCOUT_SIDE_MM = 18.0
_SCOUT_HALF_MM = 56.0


@dataclass(frozen=True, eq=False)
class Axes:
    """Which array axis of a volume runs sideways, down and backward; ``sizes`` and ``steps_mm`` in that order.

    ``signs`` is -1 where the stack runs against the array (the stack grows to the left, to the feet and to the back).
    """

    order: tuple[int, int, int]
    signs: tuple[int, int, int]
    sizes: tuple[int, int, int]
    steps_mm: tuple[float, float, float]

    def flipped(self, down: bool, back: bool) -> Axes:
        """The same axes with the head-foot or front-back direction reversed (a header that says the opposite)."""
        side, row, column = self.signs
        return Axes(self.order, (side, -row if down else row, -column if back else column), self.sizes, self.steps_mm)


def axes_of(geometry: Geometry) -> Axes:
    """Match the array's axes to left, foot and back as well as the directions allow."""
    toward = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]) @ geometry.directions
    order = max(permutations(range(3)), key=lambda p: sum(abs(toward[k, p[k]]) for k in range(3)))
    signs = tuple(1 if toward[k, order[k]] >= 0 else -1 for k in range(3))
    sizes = tuple(geometry.shape[axis] for axis in order)
    steps = tuple(geometry.spacing_mm[axis] for axis in order)
    return Axes(
        (order[0], order[1], order[2]),
        (signs[0], signs[1], signs[2]),
        (sizes[0], sizes[1], sizes[2]),
        (steps[0], steps[1], steps[2]),
    )


@dataclass(frozen=True, eq=False)
class Span:
    """A region of a volume in mm from the stack's first sample: (from, to) sideways, down and backward."""

    side: tuple[float, float]
    row: tuple[float, float]
    column: tuple[float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Grid:
    """Where the samples of a stack lie: fractional array indices along the sideways, down and back axes."""

    axes: Axes
    side: FloatArray
    row: FloatArray
    column: FloatArray
    side_step_mm: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Sizes ``[side, row, column]`` of the stack."""
        return (len(self.side), len(self.row), len(self.column))

    def points_mm(self, geometry: Geometry, index: FloatArray) -> FloatArray:
        """LPS points of fractional stack indices ``(n, 3)``."""
        native = np.zeros((len(index), 3))
        for k, positions in enumerate((self.side, self.row, self.column)):
            place = np.arange(len(positions))
            native[:, self.axes.order[k]] = np.interp(index[:, k], place, positions)
        return geometry.to_lps(native)


def whole(axes: Axes) -> Span:
    """The span of a whole volume."""
    side, row, column = ((0.0, (n - 1) * step) for n, step in zip(axes.sizes, axes.steps_mm, strict=True))
    return Span(side, row, column)


def is_acquired_sagittal(axes: Axes) -> bool:
    """True where sagittal slices are taken as they were acquired."""
    return axes.steps_mm[0] >= _NATIVE_SIDE_MM or axes.sizes[0] == 1


def side_step(axes: Axes, modality: Modality) -> float:
    """Distance of a stack's planes in mm: that of acquired sagittal slices, or a fine one by modality."""
    return axes.steps_mm[0] if is_acquired_sagittal(axes) else FINE_SIDE_MM[modality]


def lay_grid(axes: Axes, span: Span, side_mm: float) -> Grid:
    """Lay a stack over a span; ``side_mm`` is the distance of its planes."""
    return Grid(
        axes=axes,
        side=positions(axes.sizes[0], axes.steps_mm[0], axes.signs[0], side_mm, span.side),
        row=positions(axes.sizes[1], axes.steps_mm[1], axes.signs[1], PIXEL_MM, span.row),
        column=positions(axes.sizes[2], axes.steps_mm[2], axes.signs[2], PIXEL_MM, span.column),
        side_step_mm=side_mm,
    )


def scout_grid(axes: Axes, span: Span) -> Grid:
    """A few planes through the middle of a wide volume, to find the spine."""
    middle = (span.side[0] + span.side[1]) / 2
    near = Span((middle - _SCOUT_HALF_MM, middle + _SCOUT_HALF_MM), span.row, span.column)
    return lay_grid(axes, near, _SCOUT_SIDE_MM)


def positions(size: int, step_mm: float, sign: int, target_mm: float, span_mm: tuple[float, float]) -> FloatArray:
    """Array indices of samples ``target_mm`` apart over ``span_mm`` (measured from the stack's first sample)."""
    low, high = max(span_mm[0], 0.0), min(span_mm[1], (size - 1) * step_mm)
    count = max(int(np.floor((high - low) / target_mm + 1e-6)) + 1, 1)
    along = (low + target_mm * np.arange(count)) / step_mm
    return np.asarray(along if sign > 0 else size - 1 - along, dtype=np.float64)
