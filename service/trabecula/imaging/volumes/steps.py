"""Steps: where the values of a whole CT slice jump against its neighbour's, because its rescale values are others.

Anatomy changes some pixels from slice to slice, contrast agent brightens vessels and organs. An offset moves all
tissues at once and by the same amount: air, fat and soft tissue.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.volume import FloatArray, Volume
from trabecula.imaging.limits import STACKS, STEPS

_SIDE_PIXELS = 160
"""Rows looked at, about: finer pixels are passed over."""


def shifts(volume: Volume) -> FloatArray:
    """Return by how much the values of each slice lie beside those of most slices (HU); 0 for a slice that fits.

    Limits: value_step_hu of [stacks], for steps of half of all pixels, and [steps] of gates.toml, for those of tissues.
    """
    stride = max(1, volume.array.shape[1] // _SIDE_PIXELS)
    thin = volume.array[:, ::stride, ::stride]
    empty = None if volume.padding is None else volume.padding[:, ::stride, ::stride]
    limit = STACKS.value_step_hu
    jumps = []
    for index, (before, after) in enumerate(pairwise(thin)):
        jump = float(np.median(after - before))
        if abs(jump) <= limit:
            known = np.ones(before.shape, dtype=np.bool_) if empty is None else ~(empty[index] | empty[index + 1])
            jump = _offset(before[known], after[known])
        jumps.append(jump)
    heights = np.concatenate([[0.0], np.cumsum(jumps)])
    least = STEPS.offset_hu
    beside = heights - float(np.median(heights))
    return np.where(np.abs(beside) > least, beside, 0.0)


def _offset(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """The step (HU) that air, fat and soft tissue take together between two slices, 0 where they do not.

    Pixels are chosen by the mean of both slices, so that noise favours neither. Where air is not in view two tissues
    must do, and the step must be larger.
    """
    limits = STEPS
    middle, change = (before + after) / 2, after - before
    found = []
    for low, high in (limits.air_hu, limits.fat_hu, limits.soft_hu):
        chosen = change[(middle > low) & (middle < high)]
        found.append(float(np.median(chosen)) if len(chosen) >= limits.minimum_pixels else None)
    air, *tissues = found
    known = [step for step in found if step is not None]
    if None in tissues or len({step > 0 for step in known}) > 1:
        return 0.0
    smallest = min(known, key=abs)
    least = limits.offset_hu if air is not None else limits.offset_without_air_hu
    together = abs(smallest) > least and max(map(abs, known)) < 2 * abs(smallest)
    return float(np.median(known)) if together else 0.0
