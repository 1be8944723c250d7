"""Check vectors of a bundle: a few made-up inputs with the answers of the trained model, kept in the manifest.

They are answered by scikit-learn or torch, not by the graph, and hold no patient: the means of the training range, and
points half a deviation away to either side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import TrainingRange
from trabecula.domain.models.validation import CheckVector
from trabecula_training.export.onnx_graph import reference_probabilities
from trabecula_training.learning.tuning import FittedModel

Floats = NDArray[np.float64]

STEPS = (0.0, -0.5, 0.5, 1.5)
"""How many deviations from the mean, in every second column to the other side."""

DIGITS = 9
"""Significant digits kept of each value: what is written is what was answered."""


def check_vectors(
    models: Sequence[FittedModel], trained: TrainingRange, n_columns: int, monotone: bool
) -> tuple[CheckVector, ...]:
    """Return one vector for each step, with the probabilities of the trained models."""
    mean, sd = np.array(trained.mean), np.array(trained.sd)
    sides = np.where(np.arange(len(mean)) % 2 == 0, 1.0, -1.0)
    rows = np.array([[float(f"{value:.{DIGITS}g}") for value in mean + step * sd * sides] for step in STEPS])
    inputs = np.zeros((len(STEPS), n_columns))
    inputs[:, list(trained.used)] = rows
    answers = reference_probabilities(models, inputs, monotone)
    return tuple(
        CheckVector(tuple(row.tolist()), tuple(answer.tolist())) for row, answer in zip(rows, answers, strict=True)
    )
