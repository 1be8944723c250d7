"""A pool of close-ups: five neighbouring sagittal slices around one body, in fine pixels, for training the refiner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy import Spine, paint_points
from trabecula.phantom.anatomy_types import Vertebra
from trabecula.segmentation.network.closeups import NEIGHBOURS, PIXEL_MM
from trabecula_training.segmenter.drawing.arrays import has_arrays, map_arrays, save_arrays
from trabecula_training.segmenter.drawing.classes import codes_of
from trabecula_training.segmenter.drawing.pool import draw_varied_spine
from trabecula_training.segmenter.drawing.warp import smooth_field
from trabecula_training.segmenter.drawing.workers import drawing_processes

SIZE = 88
"""Rows and columns of a close-up; training cuts smaller windows out of it."""
SLICES, MOST_PLANES = len(NEIGHBOURS), 5
_PER_SPINE = 6
_WALL = (0.6, 1.12)
"""What counts as near a side wall, in halves of the body's width."""


@dataclass(frozen=True)
class DrawnCloseUp:
    """``codes`` uint8 ``[slice * planes, row, column]``: every slice is the mean of ``planes`` thin planes; ``level``
    likewise; ``label`` is the body's in the middle."""

    codes: NDArray[np.uint8]
    level: NDArray[np.uint8]
    planes: int
    label: int


@dataclass(frozen=True)
class _Slices:
    """How slices are taken: distance of their middles, thickness, planes in each."""

    distance_mm: float
    thickness_mm: float
    planes: int


def _draw_slices(rng: np.random.Generator) -> _Slices:
    """Thick slices of a sagittal MR (or of thick sagittal CT), thin ones far apart, or fine ones of a reformation."""
    kind = rng.random()
    if kind < 0.55:
        thickness = float(rng.uniform(2.6, 6.0))
        return _Slices(thickness * float(rng.uniform(1.0, 1.25)), thickness, 5 if thickness > 3.2 else 3)
    if kind < 0.65:
        return _Slices(float(rng.uniform(1.6, 6.0)), 0.5, 1)
    distance = float(rng.uniform(1.5, 3.0))
    thickness = distance * float(rng.uniform(0.4, 1.3))
    return _Slices(distance, thickness, 1 if thickness < 1.2 else 3)


def _side_offset(rng: np.random.Generator, width_mm: float) -> float:
    """Where the middle slice lies: anywhere in the body and a little beyond it, its side walls more often."""
    if rng.random() < 0.5:
        return float(rng.uniform(-1.15, 1.15)) * width_mm / 2
    return float(rng.choice([-1, 1]) * rng.uniform(*_WALL)) * width_mm / 2


def draw_closeup(rng: np.random.Generator, spine: Spine, vertebra: Vertebra) -> DrawnCloseUp:
    """Draw one close-up of a body, turned, leaning, scaled and bent a little."""
    assert vertebra.level is not None
    slices = _draw_slices(rng)
    turn, lean = np.radians(rng.normal(0, 5, 2))
    spin = np.radians(np.clip(rng.normal(0, 9), -28, 28))
    normal = np.array([np.cos(turn), np.sin(turn), 0.0])
    forward = np.array([-np.sin(turn), np.cos(turn), 0.0])
    down = np.array([0.0, 0.0, -1.0]) - np.tan(lean) * normal
    down, forward = np.cos(spin) * down + np.sin(spin) * forward, np.cos(spin) * forward - np.sin(spin) * down
    scale = PIXEL_MM * np.exp(rng.normal(0, 0.09) + np.array([1.0, -1.0]) * rng.normal(0, 0.04))
    place = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    row, column = (np.broadcast_to(part, (SIZE, SIZE)) for part in (place[:, None], place[None, :]))
    row, column = row + rng.normal(0, 3.0), column + rng.normal(0, 3.0)
    if rng.random() < 0.6:
        row = row + smooth_field(rng, (SIZE, SIZE), 4, 1.5)
        column = column + smooth_field(rng, (SIZE, SIZE), 4, 1.8)
    centre = np.asarray(vertebra.centre_mm) + _side_offset(rng, vertebra.body.width) * normal
    count = slices.planes
    codes, levels = (np.empty((SLICES * count, SIZE, SIZE), np.uint8) for _ in range(2))
    for k in range(SLICES):
        for plane in range(count):
            middle = plane == count // 2
            shake = np.zeros(2) if middle or count == 1 else rng.uniform(-0.5, 0.5, 2)
            away = (k - SLICES // 2) * slices.distance_mm + ((plane + 0.5) / count - 0.5) * slices.thickness_mm
            points = (
                (centre + away * normal)
                + ((row + shake[0]) * scale[0])[..., None] * down
                + ((column + shake[1]) * scale[1])[..., None] * forward
            )
            tissue, level = paint_points(spine, points.reshape(-1, 3).astype(np.float32))
            codes[k * count + plane] = codes_of(tissue, level).reshape(SIZE, SIZE)
            levels[k * count + plane] = level.reshape(SIZE, SIZE)
    return DrawnCloseUp(codes, levels, count, vertebra.level.label)


def _draw_spine(seed: int) -> list[DrawnCloseUp]:
    """Draw one spine and close-ups of some of its bodies."""
    rng = np.random.default_rng([seed, 20262])
    spine = draw_varied_spine(rng)
    named = [v for v in spine.vertebrae if v.level is not None and v.level is not Level.S1]
    return [draw_closeup(rng, spine, named[int(k)]) for k in rng.integers(0, len(named), _PER_SPINE)]


@dataclass(frozen=True)
class CloseUps:
    """Many close-ups: uint8 ``[close-up, plane, row, column]`` (unused planes are zero), planes and labels of each."""

    codes: NDArray[np.uint8]
    level: NDArray[np.uint8]
    planes: NDArray[np.uint8]
    label: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.planes)

    def __getitem__(self, number: int) -> DrawnCloseUp:
        planes = int(self.planes[number])
        used = slice(0, SLICES * planes)
        return DrawnCloseUp(self.codes[number, used], self.level[number, used], planes, int(self.label[number]))


def draw_closeups(
    seed: int, spines: int, processes: int = 1, progress: Callable[[int], None] | None = None
) -> CloseUps:
    """Draw close-ups of many spines; the same seed gives the same whatever the number of processes."""
    count = spines * _PER_SPINE
    codes, level = (np.zeros((count, SLICES * MOST_PLANES, SIZE, SIZE), np.uint8) for _ in range(2))
    planes, label = (np.zeros(count, np.uint8) for _ in range(2))
    seeds = [seed * 1_000_003 + k for k in range(spines)]
    with drawing_processes(processes) as workers:
        place = 0
        for k, drawn in enumerate(workers.map(_draw_spine, seeds, chunksize=2)):
            for closeup in drawn:
                codes[place, : len(closeup.codes)], level[place, : len(closeup.codes)] = closeup.codes, closeup.level
                planes[place], label[place] = closeup.planes, closeup.label
                place += 1
            if progress:
                progress(k + 1)
    return CloseUps(codes, level, planes, label)


_FILES = ("codes", "level", "planes", "label")


def save_closeups(pool: CloseUps, folder: Path) -> None:
    """Write a pool as plain arrays, so that training can map it into memory."""
    save_arrays(folder, {name: getattr(pool, name) for name in _FILES})


def has_closeups(folder: Path) -> bool:
    """True where a whole pool lies in the folder."""
    return has_arrays(folder, _FILES)


def load_closeups(folder: Path) -> CloseUps:
    """Map a saved pool into memory."""
    return CloseUps(**map_arrays(folder, _FILES))
