"""The sagittal stack a network sees: slices of 1 mm pixels, head up, front to the left, and their place in the volume.

A stack is aligned with the axes of the volume's array (permuted and reversed), so every way back is separable.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trabecula.domain.volume import FloatArray, Geometry

Float = NDArray[np.float32]


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


def positions(size: int, step_mm: float, sign: int, target_mm: float, span_mm: tuple[float, float]) -> FloatArray:
    """Array indices of samples ``target_mm`` apart over ``span_mm`` (measured from the stack's first sample)."""
    low, high = max(span_mm[0], 0.0), min(span_mm[1], (size - 1) * step_mm)
    count = max(int(np.floor((high - low) / target_mm + 1e-6)) + 1, 1)
    along = (low + target_mm * np.arange(count)) / step_mm
    return np.asarray(along if sign > 0 else size - 1 - along, dtype=np.float64)


def resampling(size: int, wanted: FloatArray) -> sparse.csr_matrix:
    """Weights ``[wanted, size]`` of triangular interpolation; wider than one sample where the step is coarser."""
    step = float(np.abs(np.diff(wanted)).mean()) if len(wanted) > 1 else 1.0
    reach = max(1.0, step)
    first = np.floor(wanted - reach).astype(int)
    offsets = np.arange(int(2 * reach) + 3)
    index = first[:, None] + offsets[None, :]
    weight = np.clip(1 - np.abs(index - wanted[:, None]) / reach, 0, None)
    weight[(index < 0) | (index >= size)] = 0.0
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    rows = np.repeat(np.arange(len(wanted)), len(offsets))
    return sparse.csr_matrix(
        (weight.ravel().astype(np.float32), (rows, np.clip(index, 0, size - 1).ravel())), shape=(len(wanted), size)
    )


def cut_plane(array: Float, grid: Grid, number: int, rows: sparse.csr_matrix, columns: sparse.csr_matrix) -> Float:
    """Resample sagittal plane ``number`` of the grid out of a volume's array."""
    axes = grid.axes
    view = np.transpose(array, axes.order)
    place = grid.side[number]
    native_step = grid.side_step_mm / axes.steps_mm[0]
    reach = max(1.0, native_step) if len(grid.side) > 1 and native_step > 1.01 else 1.0
    low, high = int(np.ceil(place - reach + 1e-6)), int(np.floor(place + reach - 1e-6))
    picks = [k for k in range(low, high + 1) if 0 <= k < view.shape[0]]
    weights = np.array([1 - abs(k - place) / reach for k in picks], dtype=np.float32)
    weights /= weights.sum()
    plane = sum(weight * view[k].astype(np.float32) for weight, k in zip(weights, picks, strict=True))
    return np.asarray(columns @ (rows @ plane).T, dtype=np.float32).T
