"""Patient axes: volumes turned so that their indices run to superior, posterior and left, without interpolation.

Wavelet names and the in-plane direction depend on the order of the axes; after turning, an axial and a sagittal
acquisition of one patient give features of the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.volume import Geometry
from trabecula.imaging.boxes import Window

Element = TypeVar("Element", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Turning:
    """``order`` of the acquired axes that gives (z, y, x); ``flips`` are the new axes to be reversed."""

    order: tuple[int, int, int]
    flips: tuple[int, ...]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    def array(self, values: NDArray[Element]) -> NDArray[Element]:
        """Return the values ``[slice, row, column]`` as a view ``[z, y, x]``."""
        return np.flip(values.transpose(self.order), self.flips)

    def box(self, window: Window) -> Window:
        """Return the same box in the new axes."""
        parts = [window[axis] for axis in self.order]
        for place in self.flips:
            size = self.shape[place]
            parts[place] = slice(size - parts[place].stop, size - parts[place].start)
        return parts[0], parts[1], parts[2]


def turning(geometry: Geometry) -> Turning:
    """Return how a grid must be turned; ``shape`` and ``spacing_mm`` are those of the turned grid."""
    cosines = geometry.directions

    def fit(order: tuple[int, ...]) -> float:
        return float(sum(abs(cosines[2 - place, axis]) for place, axis in enumerate(order)))

    one, two, three = max(permutations(range(3)), key=fit)
    order = (one, two, three)
    flips = tuple(place for place, axis in enumerate(order) if cosines[2 - place, axis] < 0)
    shape, spacing = geometry.shape, geometry.spacing_mm
    return Turning(order, flips, (shape[one], shape[two], shape[three]), (spacing[one], spacing[two], spacing[three]))
