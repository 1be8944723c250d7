"""Chemical shift: where fat is displayed, and with it the marrow that an outline follows.

Water and fat of the same marrow are displayed apart. Its edge, half of its signal, lies between them, moved by fat's
share of the signal: that is where readers outline a body, and where its signal has to be measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula_training.segmenter.drawing.classes import NetworkClass
from trabecula_training.segmenter.drawing.contrast import Palette

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Displacement:
    """By how many whole pixels marrow is displayed away from its water, along one of the last two axes (-2, -1)."""

    axis: int = -2
    pixels: int = 0

    def of(self, parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Displace a map ``[..., row, column]``; its edge is repeated."""
        if not self.pixels:
            return parts
        place = np.clip(np.arange(parts.shape[self.axis]) - self.pixels, 0, parts.shape[self.axis] - 1)
        return np.asarray(np.take(parts, place, axis=self.axis), dtype=np.uint8)

    def of_targets(self, target: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Displace the bodies among network classes: they cover what they are displayed over, and leave rim behind."""
        if not self.pixels:
            return target
        body = target == NetworkClass.BODY
        moved = self.of(target) == NetworkClass.BODY
        left = np.where(body & ~moved, np.uint8(NetworkClass.RIM), target)
        return np.where(moved, np.uint8(NetworkClass.BODY), left).astype(np.uint8)


def shift_fat(
    rng: np.random.Generator, palette: Palette, codes: NDArray[np.uint8], image: Float
) -> tuple[Float, Displacement]:
    """Displace the fat signal of ``[slice, row, column]`` along rows or columns; also by how much marrow is, then."""
    fat = image * palette.fat[codes]
    water = image - fat
    axis = int(rng.integers(1, 3))
    size = float(rng.uniform(-2.2, 2.2))
    whole = int(np.floor(size))
    moved = np.roll(fat, whole, axis) * (1 - (size - whole)) + np.roll(fat, whole + 1, axis) * (size - whole)
    pixels = round(size * float(palette.fat[PhantomTissue.BODY_MARROW]))
    return np.asarray(water + moved, dtype=np.float32), Displacement(axis - 3, pixels)
