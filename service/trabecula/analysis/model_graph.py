"""The graph of a bundle as a session of onnxruntime: one thread, and tried once before it is trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from trabecula.analysis.bundle import Bundle
from trabecula.domain.bundle import PROBABILITY_OUTPUT, SCORE_OUTPUT
from trabecula.domain.errors import BundleInvalid

Row = NDArray[np.float64]
_RUNTIME_FAULTS = (
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NotImplemented,
    states.RuntimeException,
)
"""What onnxruntime raises for a graph it cannot load or run; they have no common base."""


class ModelGraph:
    """A graph with outputs ``probability`` and ``score`` [1, endpoints].

    ``probe`` is an input of the right kind, on which the graph must run. Raises BundleInvalid where it does not.
    """

    def __init__(self, bundle: Bundle, input_name: str, probe: NDArray[Any]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        manifest = bundle.manifest
        self._input = input_name
        try:
            providers = ["CPUExecutionProvider"]
            self._session = onnxruntime.InferenceSession(str(bundle.model_file), options, providers=providers)
            found = self._run(probe)
        except (*_RUNTIME_FAULTS, ValueError) as error:
            raise BundleInvalid(f"the graph of {manifest.model_id} does not run ({type(error).__name__})") from error
        if any(answer.shape != (1, len(manifest.endpoints)) for answer in found):
            raise BundleInvalid(f"the graph of {manifest.model_id} does not give one number for each endpoint")

    def _run(self, given: NDArray[Any]) -> list[NDArray[np.float64]]:
        return list(self._session.run([PROBABILITY_OUTPUT, SCORE_OUTPUT], {self._input: given}))

    def answer(self, given: NDArray[Any]) -> tuple[Row, Row]:
        """Return calibrated probability and score of each endpoint for one patient."""
        probability, score = self._run(given)
        return probability[0], score[0]
