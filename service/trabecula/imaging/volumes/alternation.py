"""Alternation: whether the slices of a CT volume take turns between scans, told from the pixels alone.

Scans a part of an increment apart that no header tells apart look like one reconstruction of overlapping slices. Where
contrast agent came between them, vessels and marrow brighten in every second, third or fourth slice: along the slices,
brightness changes at the frequency of those turns. Anatomy and noise fill the frequencies beside it as well.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.imaging.limits import ALTERNATION

_SIDE_PIXELS = 100
"""Rows looked at, about: finer pixels are passed over."""
_TURNS = (2, 3, 4)
"""Slices after which the turns begin anew."""
_NEIGHBOURS = (3, 4, 5, 6)
"""Steps beside that frequency that are compared with it; a Hann window spreads it over the two next to it."""


def alternates(array: NDArray[np.float32]) -> bool:
    """Return whether the slices of a CT volume ``[slice, row, column]`` (HU) take turns between scans.

    Periods of two, three and four slices are looked for.

    Compares the 99th percentile over the pixels of the amplitude at the frequency of the turns with that at
    frequencies beside it. A volume of few slices says nothing. Limits: [alternation] of gates.toml.
    """
    limits = ALTERNATION
    if len(array) < limits.minimum_slices:
        return False
    thin = np.clip(_thin(array), *limits.window_hu)
    return any(
        _takes_turns(thin[: len(thin) // turns * turns], turns, limits.amplitude_hu, limits.ratio) for turns in _TURNS
    )


def jumps_throughout(array: NDArray[np.float32]) -> bool:
    """Return whether the values of whole slices ``[slice, row, column]`` (HU) jump again and again.

    In one scan half of all pixels change little from slice to slice; rescale values that take turns move all at once.
    """
    limits = ALTERNATION
    if len(array) < limits.minimum_slices:
        return False
    jumps = np.array([float(np.median(after - before)) for before, after in pairwise(_thin(array))])
    return float((np.abs(jumps) > limits.jump_hu).mean()) > limits.jumps_share


def _thin(array: NDArray[np.float32]) -> NDArray[np.float32]:
    stride = max(1, array.shape[1] // _SIDE_PIXELS)
    return array[:, ::stride, ::stride]


def _takes_turns(array: NDArray[np.float32], turns: int, least_hu: float, ratio: float) -> bool:
    highest = _amplitude(array, 1 / turns)
    if highest < least_hu:
        return False
    sides = (-1,) if turns == 2 else (-1, 1)
    steps = [side * step / len(array) for step in _NEIGHBOURS for side in sides]
    return highest > ratio * max(_amplitude(array, 1 / turns + step) for step in steps)


def _amplitude(array: NDArray[np.float32], frequency: float) -> float:
    """99th percentile over the pixels of the amplitude (HU) at a frequency along the slices (1 / slice)."""
    window = np.hanning(len(array))
    phase = 2 * math.pi * frequency * np.arange(len(array))
    parts = [
        ndimage.uniform_filter(np.tensordot((window * wave / window.sum()).astype(np.float32), array, axes=1), 5)
        for wave in (np.cos(phase), np.sin(phase))
    ]
    return float(np.percentile(np.hypot(*parts), 99))
