"""Cuts one training window out of a slab: neighbour choice, rotation, scale, bending, flips and crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula_training.segmenter.pool import COLUMNS, ROWS, SLICES, Pool

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """Three neighbouring slices ``[3, row, column]`` (the middle one is to be segmented) before they get an intensity.

    ``outside`` is True where nothing was drawn.
    """

    codes: NDArray[np.uint8]
    level: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    outside: NDArray[np.bool_]
    spacing_mm: float


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], knots: int, amplitude: float) -> Float:
    """A smooth random field of about the given standard deviation, from ``knots`` x ``knots`` values."""
    values = rng.normal(0, amplitude, (knots, knots)).astype(np.float32)
    rows, columns = (_blend(size, knots) for size in shape)
    return np.asarray(rows @ values @ columns.T, dtype=np.float32)


def _blend(size: int, knots: int) -> Float:
    place = np.linspace(0, knots - 1, size, dtype=np.float32)
    gap = np.clip(1 - np.abs(place[:, None] - np.arange(knots, dtype=np.float32)), 0, 1)
    return np.asarray(gap * gap * (3 - 2 * gap), dtype=np.float32)


def neighbours(rng: np.random.Generator) -> tuple[int, int, int]:
    """Which slices of a slab become the three channels: neighbours, or the middle one alone, thrice."""
    middle = int(rng.integers(1, SLICES - 1))
    kind = rng.random()
    if kind < 0.35:
        return middle, middle, middle
    if kind < 0.42:
        return (middle, middle, middle + 1) if kind < 0.385 else (middle - 1, middle, middle)
    low, high = middle - 1, middle + 1
    return (low, middle, high) if rng.random() < 0.5 else (high, middle, low)


def draw_window(rng: np.random.Generator, pool: Pool, shape: tuple[int, int], index: int | None = None) -> Window:
    """Cut a window of ``shape`` pixels of 1 mm out of a random slab (or slab ``index``)."""
    slab = int(rng.integers(0, len(pool))) if index is None else index
    channels = neighbours(rng)
    rows, columns = shape
    angle = np.radians(np.clip(rng.normal(0, 9), -30, 30))
    scale = float(np.exp(np.clip(rng.normal(0, 0.11), -0.33, 0.33)))
    stretch = float(np.exp(rng.normal(0, 0.05)))
    centre_row = ROWS / 2 + rng.uniform(-1, 1) * max(0.0, (ROWS - rows * 0.75) / 2)
    centre_column = COLUMNS / 2 + np.clip(rng.normal(0, 18), -50, 50)
    r = np.arange(rows, dtype=np.float32)[:, None] - rows / 2
    c = np.arange(columns, dtype=np.float32)[None, :] - columns / 2
    cosine, sine = np.float32(np.cos(angle) / scale), np.float32(np.sin(angle) / scale)
    bend = rng.random() < 0.7
    row = centre_row + cosine * r * stretch - sine * c
    column = centre_column + sine * r + cosine * c / stretch
    if bend:
        row = row + smooth_field(rng, shape, 6, 2.0)
        column = column + smooth_field(rng, shape, 6, 2.5)
    i, j = np.rint(row).astype(np.int32), np.rint(column).astype(np.int32)
    outside = (i < 0) | (i >= ROWS) | (j < 0) | (j >= COLUMNS)
    flat = np.clip(i, 0, ROWS - 1) * COLUMNS + np.clip(j, 0, COLUMNS - 1)
    distinct = sorted(set(channels))
    order = [distinct.index(k) for k in channels]

    def take(source: NDArray[np.uint8]) -> NDArray[np.uint8]:
        parts = np.stack([source[slab, k].reshape(-1)[flat] for k in distinct])
        parts[:, outside] = 0
        return parts[order]

    return Window(take(pool.codes), take(pool.level), take(pool.phase), outside, float(pool.spacing_mm[slab]))
