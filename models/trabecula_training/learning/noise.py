"""Pure noise in the shape of a study: what a method must not be able to learn anything from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class NoiseSize:
    """How many positives and negatives, and how many columns the model sees."""

    n_positive: int
    n_negative: int
    n_columns: int


XUE_2022 = NoiseSize(n_positive=48, n_negative=53, n_columns=4 * 1197)
"""Normal against osteoporosis in Xue 2022: 53 and 48 patients, 1,197 features of each of L1-L4."""

SMALL = NoiseSize(n_positive=36, n_negative=40, n_columns=900)
"""A form for continuous integration."""


def noise(size: NoiseSize, seed: int) -> tuple[Floats, Labels]:
    """Return independent standard normal features [patient, column] and labels in random order."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat([1, 0], [size.n_positive, size.n_negative])).astype(np.int64)
    return generator.standard_normal((len(labels), size.n_columns)), labels
