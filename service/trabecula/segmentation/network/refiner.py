"""The refiner: a second network that draws the border of one body at a time in close-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.volume import FloatArray
from trabecula.segmentation.network.closeups import PIXEL_MM, Camera
from trabecula.segmentation.network.runtime import Graph

Float = NDArray[np.float32]

_PIXELS_PER_BATCH = 65_536
_TAPER = 4.0
"""Fine pixels over which a close-up fades out toward its edge."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FineMaps:
    """The refiner's answer for one body: probabilities of its ``marrow`` and ``rim``, float32 ``[plane, row, column]``;
    ``first`` is the stack plane of the first, ``rows`` and ``columns`` are places on the stack, in samples."""

    first: int
    rows: FloatArray
    columns: FloatArray
    marrow: Float
    rim: Float

    def bodyness(self, rim_share: float) -> Float:
        """Marrow and a part of the rim."""
        return np.asarray(self.marrow + np.float32(rim_share) * self.rim, dtype=np.float32)

    def fine_places(self, side: FloatArray, row: FloatArray, column: FloatArray) -> tuple[FloatArray, ...]:
        """Where places on the stack lie in these maps, in planes and fine pixels."""
        return side - self.first, (row - self.rows[0]) / PIXEL_MM, (column - self.columns[0]) / PIXEL_MM

    def agreement(self, with_rim: NDArray[np.bool_], basin: NDArray[np.bool_]) -> float:
        """Dice of what is body or rim on the stack ``[plane, row, column]`` with what these maps call so, within the
        body's ``basin`` and where the maps reach."""
        planes = slice(self.first, self.first + len(self.marrow))
        (row, fine_row), (column, fine_column) = (
            _shared(place, size) for place, size in zip((self.rows, self.columns), basin.shape[1:], strict=True)
        )
        near = basin[planes, row, column]
        rough = with_rim[planes, row, column] & near
        fine = (self.bodyness(1.0) > 0.5)[:, fine_row][:, :, fine_column] & near
        total = int(rough.sum()) + int(fine.sum())
        return 2.0 * int((rough & fine).sum()) / total if total else 0.0

    def weight(self, places: tuple[FloatArray, ...]) -> Float:
        """How much these maps count at places (of ``fine_places``): 1 inside, less near their edge, 0 beyond."""
        side, row, column = places
        planes = (side >= -0.5) & (side <= self.marrow.shape[0] - 0.5)
        faded = [
            np.clip(np.minimum(place, size - 1 - place) / _TAPER, 0, 1)
            for place, size in zip((row, column), self.marrow.shape[1:], strict=True)
        ]
        return np.asarray(planes[:, None, None] * faded[0][None, :, None] * faded[1][None, None, :], dtype=np.float32)


def _shared(place: FloatArray, size: int) -> tuple[slice, NDArray[np.intp]]:
    """The stack samples that fine pixels cover, and the fine pixel nearest to each."""
    samples = slice(max(int(np.ceil(place[0])), 0), min(int(np.floor(place[-1])) + 1, size))
    nearest = np.rint((np.arange(samples.start, samples.stop) - place[0]) / PIXEL_MM).astype(np.intp)
    return samples, nearest


class Refiner:
    """An ONNX session that answers for close-ups; ``classes`` name its output channels."""

    def __init__(self, weights: Path, classes: Sequence[str], threads: int) -> None:
        self._graph = Graph(weights, threads)
        self._classes = tuple(classes)

    def refine(self, camera: Camera, number: int, marrow: Sequence[str] = ("body",)) -> FineMaps | None:
        """The fine maps of a body of the camera's stack, whose marrow the classes ``marrow`` are; None where there is
        nothing to take."""
        closeup = camera.take(number)
        if closeup is None:
            return None
        images = closeup.images
        batch = max(1, _PIXELS_PER_BATCH // (images.shape[2] * images.shape[3]))
        parts = [self._graph.run(images[k : k + batch]) for k in range(0, len(images), batch)]
        answer = np.concatenate(parts)
        inside = answer[:, [self._classes.index(name) for name in marrow]].sum(axis=1)
        return FineMaps(
            first=closeup.first,
            rows=closeup.rows,
            columns=closeup.columns,
            marrow=inside,
            rim=answer[:, self._classes.index("rim")],
        )
