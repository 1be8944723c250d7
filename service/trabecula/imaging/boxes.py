"""Boxes around what is to be measured: as small as filters allow, so that nothing is computed for the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Window = tuple[slice, slice, slice]


def box_of(mask: NDArray[np.bool_]) -> Window:
    """Return the smallest box of ``mask`` ``[slice, row, column]`` that holds all of it. Raises ValueError if empty."""
    parts = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(mask.any(axis=others))
        if places.size == 0:
            raise ValueError("an empty mask has no box")
        parts.append(slice(int(places[0]), int(places[-1]) + 1))
    return parts[0], parts[1], parts[2]


def widened(box: Window, voxels: tuple[int, int, int], shape: tuple[int, int, int]) -> Window:
    """Return the box grown by ``voxels`` on both sides of each axis, within ``shape``."""
    parts = [
        slice(max(0, part.start - more), min(size, part.stop + more))
        for part, more, size in zip(box, voxels, shape, strict=True)
    ]
    return parts[0], parts[1], parts[2]
