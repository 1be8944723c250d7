"""A pool of drawn spines: sagittal slabs of tissue, level and phase, rendered once and used many times by training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy import Spine, SpineOptions, along_points, paint_points, sample_spine
from trabecula_training.segmenter.drawing.arrays import has_arrays, map_arrays, save_arrays
from trabecula_training.segmenter.drawing.classes import codes_of
from trabecula_training.segmenter.drawing.workers import drawing_processes

ROWS, COLUMNS, SLICES = 344, 224, 15
_SACRAL_DISC = 0.35
"""How many spines have a disc between S1 and S2, so that S1 is not known by the want of one."""


@dataclass(frozen=True)
class Slab:
    """Thin neighbouring sagittal planes of one spine, 1 mm pixels, rows from head to foot, columns from front to back.

    ``codes``, ``level`` and ``phase`` are uint8 ``[plane, row, column]``; ``phase`` counts 256 steps from the
    mid-plane of one body to that of the next above. ``spacing_mm`` is the distance of neighbouring planes; a slice of
    an image is one of them or the mean of several.
    """

    codes: NDArray[np.uint8]
    level: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    spacing_mm: float


def draw_varied_spine(rng: np.random.Generator, sacral_disc: float = 0.0, shape: SpineOptions | None = None) -> Spine:
    """Draw a spine to learn from: more variable than real ones, a quarter of them worn; with sacrum and ribs of this
    ``shape``."""
    worn = float(rng.uniform(0.7, 1.0)) if rng.random() < 0.25 else None
    spread = float(rng.uniform(0.8, 1.7))
    options = replace(shape or SpineOptions(), variability=spread, degeneration=worn, sacral_disc=sacral_disc)
    return sample_spine(rng, options=options)


def draw_shape(rng: np.random.Generator) -> SpineOptions:
    """Draw how sacrum and ribs are formed: S1 a wedge in four of five (real ones lack 0.25 to 0.55 of their depth;
    the others are squared, as lumbarised ones are), T12's ribs short in a quarter and none in a twentieth, ribs of half
    to one and a half the usual thickness (sections of 40 to 370 mm2 beside real T12s), transverse processes up to twice
    as long and thick as usual (sections of up to 124 mm2 beside real L1s)."""
    wedge = float(rng.uniform(0.2, 0.45)) if rng.random() < 0.8 else 0.0
    kind = rng.random()
    rib = 0.0 if kind < 0.05 else float(rng.uniform(0.1, 0.7)) if kind < 0.3 else 1.0
    size = float(rng.uniform(0.55, 1.5))
    return SpineOptions(sacral_wedge=wedge, last_rib=rib, rib_size=size, transverse=float(rng.uniform(0.7, 2.0)))


def draw_slab(seed: int) -> Slab:
    """Draw one spine and one slab of it: near the midline, at a side wall, anywhere in it, or beside it altogether."""
    rng = np.random.default_rng([seed, 20261])
    disc = float(rng.uniform(0.3, 1.0)) if rng.random() < _SACRAL_DISC else 0.0
    spine = draw_varied_spine(rng, disc, draw_shape(np.random.default_rng([seed, 20264])))
    spacing = float(np.exp(rng.uniform(np.log(0.7), np.log(1.9))))
    place = rng.random()
    if place < 0.38:
        offset = rng.normal(0, 7)
    elif place < 0.66:
        offset = rng.choice([-1, 1]) * rng.uniform(11, 29)
    elif place < 0.93:
        offset = rng.uniform(-32, 32)
    else:
        offset = rng.choice([-1, 1]) * rng.uniform(40, 110)
    turn, lean = np.radians(rng.normal(0, 4, 2))
    normal = np.array([np.cos(turn), np.sin(turn), 0.0])
    forward = np.array([-np.sin(turn), np.cos(turn), 0.0])
    up = np.array([0.0, 0.0, 1.0]) + np.tan(lean) * normal
    up /= np.linalg.norm(up)
    named = [v.centre_mm for v in spine.vertebrae if v.level is not None and v.level.value >= Level.T12.value]
    middle = np.mean(named, axis=0)
    middle[2] = 0.0
    row = (ROWS / 2 - np.arange(ROWS))[:, None, None] * up
    column = (np.arange(COLUMNS) - COLUMNS / 2)[None, :, None] * forward
    plane = (middle + row + column).reshape(-1, 3)
    shape = (SLICES, ROWS, COLUMNS)
    codes, levels, phases = (np.empty(shape, np.uint8) for _ in range(3))
    for k in range(SLICES):
        points = (plane + (offset + (k - SLICES // 2) * spacing) * normal).astype(np.float32)
        tissue, level = paint_points(spine, points)
        along = along_points(spine, points)
        codes[k] = codes_of(tissue, level).reshape(ROWS, COLUMNS)
        levels[k] = level.reshape(ROWS, COLUMNS)
        phases[k] = np.floor(np.mod(along, 1.0) * 256).astype(np.uint8).reshape(ROWS, COLUMNS)
    return Slab(codes, levels, phases, spacing)


@dataclass(frozen=True)
class Pool:
    """Many slabs, stacked: arrays uint8 ``[slab, plane, row, column]`` and the distances of their planes."""

    codes: NDArray[np.uint8]
    level: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    spacing_mm: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.spacing_mm)


def draw_pool(seed: int, count: int, processes: int = 1, progress: Callable[[int], None] | None = None) -> Pool:
    """Draw ``count`` slabs; the same seed gives the same pool whatever the number of processes."""
    shape = (count, SLICES, ROWS, COLUMNS)
    codes, level, phase = (np.empty(shape, np.uint8) for _ in range(3))
    spacing = np.empty(count, np.float32)
    seeds = [seed * 1_000_003 + k for k in range(count)]
    with drawing_processes(processes) as workers:
        for k, slab in enumerate(workers.map(draw_slab, seeds, chunksize=4)):
            codes[k], level[k], phase[k], spacing[k] = slab.codes, slab.level, slab.phase, slab.spacing_mm
            if progress:
                progress(k + 1)
    return Pool(codes, level, phase, spacing)


_FILES = ("codes", "level", "phase", "spacing_mm")


def save_pool(pool: Pool, folder: Path) -> None:
    """Write a pool as plain arrays, so that training can map it into memory."""
    save_arrays(folder, {name: getattr(pool, name) for name in _FILES})


def has_pool(folder: Path) -> bool:
    """True where a whole pool lies in the folder."""
    return has_arrays(folder, _FILES)


def load_pool(folder: Path) -> Pool:
    """Map a saved pool into memory."""
    return Pool(**map_arrays(folder, _FILES))
