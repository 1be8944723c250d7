"""The parity gate: an exported graph must give the probabilities of the trained models, or there is no export."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from trabecula.domain.models.bundle import FEATURE_INPUT, PROBABILITY_OUTPUT
from trabecula_training.errors import ParityFailed
from trabecula_training.export.onnx_graph import reference_probabilities
from trabecula_training.learning.tuning import FittedModel

Floats = NDArray[np.float64]

TOLERANCE = 1e-5
"""Largest difference in probability: ten times what single-precision tables of trees and support vectors cost."""

RUNTIME_ERRORS = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.RuntimeException,
)

STRAYS = 200
"""Made-up patients around the cohort, up to three deviations away, on which the graph is tested beside the cohort."""


def parity_difference(content: bytes, models: Sequence[FittedModel], features: Floats, monotone: bool) -> float:
    """Return the largest difference in probability on the cohort and on made-up patients. Raises ParityFailed above
    the tolerance, or where the graph does not run."""
    generator = np.random.default_rng(0)
    spread = generator.standard_normal((STRAYS, features.shape[1])) * features.std(axis=0)
    strays = features[generator.integers(0, len(features), STRAYS)] + spread
    everybody = np.concatenate([features, strays])
    wanted = reference_probabilities(models, everybody, monotone)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        given = session.run([PROBABILITY_OUTPUT], {FEATURE_INPUT: everybody})[0]
    except RUNTIME_ERRORS as error:
        raise ParityFailed(f"the graph does not run ({error})") from error
    if given.dtype != np.float64 or given.shape != wanted.shape:
        raise ParityFailed(f"the graph gives {given.dtype} {given.shape}, not float64 {wanted.shape}")
    difference = float(np.max(np.abs(given - wanted)))
    if not difference <= TOLERANCE:
        raise ParityFailed(f"probabilities differ by up to {difference:.2g}, more than {TOLERANCE:g}")
    return difference
