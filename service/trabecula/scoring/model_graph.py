"""The graph of a bundle: tried on probes before it is trusted, every output checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import PROBABILITY_OUTPUT, SCORE_OUTPUT
from trabecula.onnx_runtime import RUNTIME_ERRORS, open_session
from trabecula.scoring.bundles import Bundle

Row = NDArray[np.float64]
_FAULTS: tuple[type[Exception], ...] = (*RUNTIME_ERRORS, ValueError, TypeError)
"""What the runtime raises, and numpy for an output that is no array of numbers."""


TOLERANCE = 1e-4
"""Largest difference in probability from the answer that a check vector states: trees and support vectors are tables in
single precision, and processors add in different orders."""


class ModelGraph:
    """A graph with outputs ``probability`` and ``score`` [1, endpoints].

    ``probes`` are inputs of the right kind, on each of which the graph must answer; ``known`` are the inputs of the
    manifest's check vectors, in their order. Raises BundleInvalid where it does not, or answers otherwise.
    """

    def __init__(
        self, bundle: Bundle, input_name: str, probes: Sequence[NDArray[Any]], known: Sequence[NDArray[Any]] = ()
    ) -> None:
        self._manifest = bundle.manifest
        self._input = input_name
        try:
            self._session = open_session(bundle.model_file)
        except _FAULTS as error:
            raise self._fault(f"does not run ({type(error).__name__})") from error
        for probe in probes:
            self.answer(probe)
        for given, vector in zip(known, self._manifest.check_vectors, strict=bool(known)):
            difference = float(np.max(np.abs(self.answer(given)[0] - np.array(vector.probabilities))))
            if not difference <= TOLERANCE:
                raise self._fault(f"answers a check vector otherwise than its manifest says (by {difference:.2g})")

    def answer(self, given: NDArray[Any]) -> tuple[Row, Row]:
        """Return calibrated probability (0 to 1) and score of each endpoint for one patient, all finite.

        Raises BundleInvalid where the graph breaks or answers anything else.
        """
        try:
            found = self._session.run([PROBABILITY_OUTPUT, SCORE_OUTPUT], {self._input: given})
            probability, score = (np.asarray(output, dtype=np.float64) for output in found)
        except _FAULTS as error:
            raise self._fault(f"does not run ({type(error).__name__})") from error
        if any(output.shape != (1, len(self._manifest.endpoints)) for output in (probability, score)):
            raise self._fault("does not give one number for each endpoint")
        if not (np.isfinite(probability).all() and np.isfinite(score).all()):
            raise self._fault("gives numbers that are not finite")
        if probability.min() < 0.0 or probability.max() > 1.0:
            raise self._fault("gives probabilities outside 0 to 1")
        return probability[0], score[0]

    def _fault(self, what: str) -> BundleInvalid:
        return BundleInvalid(f"the graph of {self._manifest.model_id} {what}")
