"""Runs the network over a stack: neighbours as channels, batches, padding to the size it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.segmentation.network.preprocess import NetworkStack
from trabecula.segmentation.network.runtime import Graph

_NEIGHBOUR_MM = (1.6, 6.6)
_PIXELS_PER_BATCH = 260_000
_SINGLE_PRECISION_SAMPLES = 64 * 1024 * 1024
"""Maps of up to so many samples (256 MiB) stay as the network gives them; larger ones are halved, which takes time."""


@dataclass(frozen=True, eq=False)
class Maps:
    """Network output on a stack: probabilities by class name, and the phase along the spine as a unit vector.

    ``channels`` is ``[side, channel, row, column]``, float32, or float16 where it is large; the phase is 0 at a body's
    middle, pi in the disc.
    """

    channels: NDArray[np.floating]
    classes: tuple[str, ...]

    def probability(self, *names: str) -> NDArray[np.float32]:
        """Summed probability of classes."""
        return np.asarray(
            sum(self.channels[:, self.classes.index(name)].astype(np.float32) for name in names), dtype=np.float32
        )

    @property
    def cosine(self) -> NDArray[np.float32]:
        """Cosine of the phase."""
        return np.asarray(self.channels[:, len(self.classes)], dtype=np.float32)

    @property
    def sine(self) -> NDArray[np.float32]:
        """Sine of the phase: positive in the upper half of a body."""
        return np.asarray(self.channels[:, len(self.classes) + 1], dtype=np.float32)

    def best_class(self) -> NDArray[np.uint8]:
        """Index of the most probable class."""
        return np.asarray(np.argmax(self.channels[:, : len(self.classes)], axis=1), dtype=np.uint8)


class NetworkSession:
    """An ONNX session that answers for stacks."""

    def __init__(self, weights: Path, classes: tuple[str, ...], multiple: int, threads: int) -> None:
        self._graph = Graph(weights, threads)
        self._classes = classes
        self._multiple = multiple

    def predict(self, stack: NetworkStack) -> Maps:
        """Return the maps of a stack; pixels that were not measured are background."""
        images = stack.images
        count, rows, columns = images.shape
        high, wide = (-(-size // self._multiple) * self._multiple for size in (rows, columns))
        batch = max(1, _PIXELS_PER_BATCH // (high * wide))
        shape = (count, len(self._classes) + 2, rows, columns)
        result = np.empty(shape, dtype=np.float32 if np.prod(shape) <= _SINGLE_PRECISION_SAMPLES else np.float16)
        stride = neighbour_stride(stack.grid.side_step_mm)
        for start in range(0, count, batch):
            stop = min(start + batch, count)
            chosen = np.arange(start, stop)
            block = np.zeros((len(chosen), 3, high, wide), dtype=np.float32)
            for channel, shift in enumerate((-stride, 0, stride)):
                block[:, channel, :rows, :columns] = images[_shifted(chosen, shift, count)]
            answer = self._graph.run(block)
            result[start:stop] = answer[:, :, :rows, :columns]
        if stack.padding.any():
            for plane, outside in zip(result, stack.padding, strict=True):
                plane[:, outside] = 0
                plane[0, outside] = 1
        return Maps(result, self._classes)


def neighbour_stride(step_mm: float) -> int:
    """How many slices away the neighbours lie that the network sees (1.6-6.6 mm); 0 where none is that near."""
    if step_mm > _NEIGHBOUR_MM[1]:
        return 0
    return max(1, round(_NEIGHBOUR_MM[0] / step_mm))


def _shifted(chosen: NDArray[np.intp], shift: int, count: int) -> NDArray[np.intp]:
    moved = chosen + shift
    return np.where((moved < 0) | (moved >= count), chosen, moved)
