"""Alternation: whether every other slice of a CT volume is of another scan, told from the pixels alone.

Two scans half an increment apart that no header tells apart look like one reconstruction with overlapping slices. Where
contrast agent came between them, vessels and marrow brighten in every other slice: along the slices, brightness changes
at the highest frequency there can be, and at that one alone. Anatomy and noise fill the frequencies beside it as well.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.thresholds import data_file

_SIDE_PIXELS = 100
"""Rows looked at, about: finer pixels are passed over."""
_NEIGHBOURS = (3, 4, 5, 6)
"""Steps below the highest frequency that are compared with it; a Hann window spreads it over the two next to it."""


def alternates(array: NDArray[np.float32]) -> bool:
    """Return whether the slices of a CT volume ``[slice, row, column]`` (HU) alternate between two scans.

    Compares the 99th percentile over the pixels of the amplitude at the highest frequency along the slices with that
    at frequencies just below it. A volume of few slices says nothing. Limits: [alternation] of gates.toml.
    """
    limits = data_file("gates.toml")["alternation"]
    if len(array) < int(limits["minimum_slices"]):
        return False
    stride = max(1, array.shape[1] // _SIDE_PIXELS)
    thin = np.clip(array[: len(array) // 2 * 2, ::stride, ::stride], *limits["window_hu"])
    highest = _amplitude(thin, 0)
    beside = max(_amplitude(thin, steps) for steps in _NEIGHBOURS)
    return highest >= float(limits["amplitude_hu"]) and highest > float(limits["ratio"]) * beside


def _amplitude(array: NDArray[np.float32], steps_below: int) -> float:
    """99th percentile over the pixels of the amplitude (HU) some steps below the highest frequency along the slices."""
    slices = len(array)
    window = np.hanning(slices)
    phase = math.pi * (1 - 2 * steps_below / slices) * np.arange(slices)
    parts = [
        ndimage.uniform_filter(np.tensordot((window * wave / window.sum()).astype(np.float32), array, axes=1), 5)
        for wave in (np.cos(phase), np.sin(phase))
    ]
    return float(np.percentile(np.hypot(*parts), 99))
