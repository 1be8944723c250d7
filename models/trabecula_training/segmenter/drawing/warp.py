"""Cuts one training window out of a slab: neighbour choice, rotation, scale, bending, flips and crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula_training.segmenter.drawing.contrast import Look
from trabecula_training.segmenter.drawing.pool import COLUMNS, ROWS, SLICES, Pool

Float = NDArray[np.float32]


_REACH_MM = 7.0
"""Neighbouring slices lie at most this far apart (further ones are not shown to the network)."""
_THICKEST_MM = 6.5
_PLANES = (1, 3, 5)
_MR_SHARES, _CT_SHARES = (0.25, 0.30, 0.45), (0.50, 0.30, 0.20)
"""How often a slice is one plane, the mean of three, of five: sagittal MR has thick slices, reformatted CT thin."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Slices before they get an intensity: three neighbours, or one that stands for all three.

    ``codes`` and ``level`` are uint8 ``[slice * planes, row, column]``: every slice is the mean of ``planes`` thin
    ones; ``phase`` ``[row, column]`` belongs to the middle of all. ``outside`` is True where nothing was drawn.
    """

    codes: NDArray[np.uint8]
    level: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    outside: NDArray[np.bool_]
    planes: int
    order: tuple[int, int, int]

    def central(self, parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The middle plane of every slice, ``[slice, row, column]``."""
        return parts[self.planes // 2 :: self.planes]

    def target(self, parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The plane ``[row, column]`` in the middle of the slice that is to be segmented."""
        return np.asarray(self.central(parts)[self.order[1]], dtype=np.uint8)


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], knots: int, amplitude: float) -> Float:
    """A smooth random field of about the given standard deviation, from ``knots`` x ``knots`` values."""
    values = rng.normal(0, amplitude, (knots, knots)).astype(np.float32)
    rows, columns = (_blend(size, knots) for size in shape)
    return np.asarray(rows @ values @ columns.T, dtype=np.float32)


def _blend(size: int, knots: int) -> Float:
    place = np.linspace(0, knots - 1, size, dtype=np.float32)
    gap = np.clip(1 - np.abs(place[:, None] - np.arange(knots, dtype=np.float32)), 0, 1)
    return np.asarray(gap * gap * (3 - 2 * gap), dtype=np.float32)


@dataclass(frozen=True)
class WindowChoice:
    """Which planes of a slab make the three channels: ``middles`` of the slices (each once), ``planes`` in each, and
    which slice each channel shows."""

    middles: tuple[int, ...]
    planes: int
    order: tuple[int, int, int]


def neighbours(rng: np.random.Generator, spacing_mm: float, look: Look) -> WindowChoice:
    """Choose thin or thick slices that touch, overlap a little or leave gaps: three neighbours, two at the edge of a
    volume, or one alone, thrice."""
    planes = int(rng.choice(_PLANES, p=_CT_SHARES if look is Look.CT else _MR_SHARES))
    if planes * spacing_mm > _THICKEST_MM:
        planes -= 2
    half = planes // 2
    farthest = min(SLICES // 2 - half, max(1, int(_REACH_MM / spacing_mm)))
    nearest = max(1, planes - 1)
    step = int(rng.integers(nearest, max(farthest, nearest) + 1))
    middle = int(rng.integers(step + half, SLICES - step - half))
    kind = rng.random()
    if kind < 0.3:
        return WindowChoice((middle,), planes, (0, 0, 0))
    if kind < 0.37:
        return WindowChoice(
            (middle, middle + int(rng.choice([-step, step]))), planes, (0, 0, 1) if kind < 0.335 else (1, 0, 0)
        )
    return WindowChoice((middle - step, middle, middle + step), planes, (0, 1, 2) if rng.random() < 0.5 else (2, 1, 0))


def draw_window(
    rng: np.random.Generator, pool: Pool, shape: tuple[int, int], look: Look, index: int | None = None
) -> Window:
    """Cut a window of ``shape`` pixels of 1 mm, for an image of this look, out of a random slab (or slab ``index``)."""
    slab = int(rng.integers(0, len(pool))) if index is None else index
    choice = neighbours(rng, float(pool.spacing_mm[slab]), look)
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
    around = range(-(choice.planes // 2), choice.planes // 2 + 1)
    chosen = [middle + shift for middle in choice.middles for shift in around]

    def take(source: NDArray[np.uint8], planes: list[int]) -> NDArray[np.uint8]:
        parts = np.stack([source[slab, k].reshape(-1)[flat] for k in planes])
        parts[:, outside] = 0
        return parts

    target = choice.middles[choice.order[1]]
    return Window(
        codes=take(pool.codes, chosen),
        level=take(pool.level, chosen),
        phase=take(pool.phase, [target])[0],
        outside=outside,
        planes=choice.planes,
        order=choice.order,
    )
