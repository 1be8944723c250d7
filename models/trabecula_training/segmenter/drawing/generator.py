"""The generator: endless training samples, each an image of three neighbouring slices and its targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula_training.segmenter.drawing.classes import TARGET_OF_CODE, NetworkClass
from trabecula_training.segmenter.drawing.contrast import Look, draw_look
from trabecula_training.segmenter.drawing.pool import Pool
from trabecula_training.segmenter.drawing.scanner import take_picture
from trabecula_training.segmenter.drawing.warp import draw_window


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One training sample. ``image`` float32 ``[3, row, column]`` in 0-1; ``target`` uint8 network classes; ``phase``
    float32 ``[2, row, column]`` cosine and sine; ``column`` uint8: 1 where the phase counts; ``level`` uint8 truth."""

    image: NDArray[np.float32]
    target: NDArray[np.uint8]
    phase: NDArray[np.float32]
    column: NDArray[np.uint8]
    level: NDArray[np.uint8]
    look: Look


_HAS_PHASE = np.zeros(256, dtype=np.uint8)
_HAS_PHASE[[NetworkClass.BODY, NetworkClass.RIM, NetworkClass.S1, NetworkClass.DISC, NetworkClass.CANAL]] = 1


def draw_sample(
    seed: tuple[int, int], pool: Pool, shape: tuple[int, int], look: Look | None = None, index: int | None = None
) -> Sample:
    """Draw sample ``seed`` (run seed, number); the same seed and pool give the same sample."""
    rng = np.random.default_rng(seed)
    if rng.random() < 0.02:
        return _nonsense(rng, shape)
    look = look or draw_look(rng)
    window = draw_window(rng, pool, shape, look, index)
    picture = take_picture(rng, window, look)
    target = picture.marrow.of_targets(TARGET_OF_CODE[window.target(window.codes)])
    target[picture.padding] = NetworkClass.BACKGROUND
    angle = window.phase.astype(np.float32) * np.float32(2 * np.pi / 256)
    phase = np.stack([np.cos(angle), np.sin(angle)])
    column = np.where(picture.padding, 0, _HAS_PHASE[target]).astype(np.uint8)
    drawn = window.target(window.level)
    level = np.where(target == NetworkClass.RIM, drawn, 0)
    level = np.where(target == NetworkClass.BODY, picture.marrow.of(drawn), level)
    return Sample(
        image=picture.image, target=target, phase=phase, column=column, level=level.astype(np.uint8), look=look
    )


def _nonsense(rng: np.random.Generator, shape: tuple[int, int]) -> Sample:
    """An image without a spine: ellipses and shading of random intensity."""
    rows, columns = shape
    r, c = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    image = np.full(shape, rng.random(), np.float32)
    for _ in range(int(rng.integers(1, 25))):
        i, j = rng.uniform(0, rows), rng.uniform(0, columns)
        a, b = rng.uniform(4, 90, 2)
        image[((r - i) / a) ** 2 + ((c - j) / b) ** 2 < 1] = rng.random()
    image += rng.normal(0, rng.uniform(0, 0.15), shape).astype(np.float32)
    image = np.repeat(np.clip(image, 0, 1)[None], 3, axis=0).astype(np.float32)
    zero = np.zeros(shape, np.uint8)
    return Sample(
        image=image, target=zero, phase=np.zeros((2, *shape), np.float32), column=zero, level=zero, look=Look.RANDOM
    )
