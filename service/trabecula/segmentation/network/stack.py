"""Cuts the planes of a sagittal stack out of a volume's array: 1 mm pixels, head up, front to the left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trabecula.domain.volume import FloatArray
from trabecula.segmentation.network.grids import Grid

Float = NDArray[np.float32]


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
