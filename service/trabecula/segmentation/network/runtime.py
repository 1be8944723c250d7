"""The graph of a segmenter's network; what the runtime raises becomes an error of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import SegmenterFailed
from trabecula.onnx_runtime import RUNTIME_ERRORS, open_session


class Graph:
    """A graph with one input ``image`` and one output, on ``threads`` threads of the processor."""

    def __init__(self, weights: Path, threads: int) -> None:
        try:
            self._session = open_session(weights, threads)
        except RUNTIME_ERRORS as error:
            raise SegmenterFailed(f"the network cannot be loaded: {error}") from error

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output for a batch of images, whose first axis is the batch. Raises SegmenterFailed."""
        try:
            return np.asarray(self._session.run(None, {"image": image})[0], dtype=np.float32)
        except RUNTIME_ERRORS as error:
            raise SegmenterFailed(f"the network stopped: {error}") from error
