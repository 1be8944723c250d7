"""Opens and runs ONNX graphs; what the runtime raises becomes an error of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from trabecula.domain.errors import SegmenterFailed

_RUNTIME_ERRORS = (
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NoSuchFile,
    states.RuntimeException,
)


class Graph:
    """A graph with one input ``image`` and one output, on ``threads`` threads of the processor."""

    def __init__(self, weights: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        except _RUNTIME_ERRORS as fault:
            raise SegmenterFailed(f"the network cannot be loaded: {fault}") from fault

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The answer to a batch of images; raises SegmenterFailed."""
        try:
            return np.asarray(self._session.run(None, {"image": image})[0], dtype=np.float32)
        except _RUNTIME_ERRORS as fault:
            raise SegmenterFailed(f"the network stopped: {fault}") from fault
