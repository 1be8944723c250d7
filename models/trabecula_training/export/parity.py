"""The parity gate: an exported graph must give the probabilities of the trained models, or there is no export."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import FEATURE_INPUT, PROBABILITY_OUTPUT
from trabecula.onnx_runtime import RUNTIME_ERRORS, open_session
from trabecula_training.errors import ParityFailed
from trabecula_training.export.onnx_graph import reference_probabilities
from trabecula_training.learning.tuning import FittedModel

Floats = NDArray[np.float64]

TOLERANCE = 1e-5
"""Largest difference in probability: ten times what single-precision tables of trees and support vectors cost."""

STRAYS = 200
"""Made-up patients around the cohort, up to three deviations away, on which the graph is tested beside the cohort."""

ROWS_AT_A_TIME = 16
"""A graph that fills by nearest patients holds patients x donors x columns numbers at once."""

HOLES = 0.05
"""Share of the made-up patients' values that is taken out where the graph fills what is missing."""


def parity_difference(content: bytes, models: Sequence[FittedModel], features: Floats, monotone: bool) -> float:
    """Return the largest difference in probability on the cohort and on made-up patients. Raises ParityFailed above
    the tolerance, or where the graph does not run.

    ``features`` are those that the graph takes, with the further columns of a conditioning.
    """
    everybody = np.concatenate([features, _strays(models, features)])
    wanted = reference_probabilities(models, everybody, monotone)
    try:
        session = open_session(content)
        given = np.concatenate(
            [
                session.run([PROBABILITY_OUTPUT], {FEATURE_INPUT: everybody[at : at + ROWS_AT_A_TIME]})[0]
                for at in range(0, len(everybody), ROWS_AT_A_TIME)
            ]
        )
    except RUNTIME_ERRORS as error:
        raise ParityFailed(f"the graph does not run ({error})") from error
    if given.dtype != np.float64 or given.shape != wanted.shape:
        raise ParityFailed(f"the graph gives {given.dtype} {given.shape}, not float64 {wanted.shape}")
    difference = float(np.max(np.abs(given - wanted)))
    if not difference <= TOLERANCE:
        raise ParityFailed(f"probabilities differ by up to {difference:.2g}, more than {TOLERANCE:g}")
    return difference


def _strays(models: Sequence[FittedModel], features: Floats) -> Floats:
    """Made-up patients: the cohort's, moved; further columns (batch, covariates) stay as they are."""
    generator = np.random.default_rng(0)
    fitted = models[0].conditioning
    width = features.shape[1] if fitted is None else fitted.plan.columns
    known = features[:, :width]
    spread = generator.standard_normal((STRAYS, width)) * np.nan_to_num(np.nanstd(known, axis=0))
    strays = features[generator.integers(0, len(features), STRAYS)]
    strays[:, :width] += spread
    if fitted is not None and fitted.imputer is not None:
        strays[:, :width][generator.random((STRAYS, width)) < HOLES] = np.nan
    return strays
