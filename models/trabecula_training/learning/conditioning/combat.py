"""ComBat by the library combatlearn, kept as what it is: for every batch one line for each feature.

Location and scale of a batch are shrunk over the features (Johnson 2007, Biostatistics 8:118; with covariates Fortin
2018, NeuroImage 167:104). The outcome is never among the covariates: a harmonisation that knows it carries it into the
features of patients who are to be judged.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trabecula_training.errors import CombatMissing

if TYPE_CHECKING:
    from combatlearn import ComBat

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FEWEST_IN_A_FIT = 2
"""Patients of a batch without which it has no variance."""

_LEAST_SPREAD = 1e-6
"""Standard deviation within the batches, of z-scores, below which a feature is left as it is: nothing to divide by."""


@dataclass(frozen=True)
class Combat:
    """harmonised = features * ``scale`` + ``offset`` + sum over covariates of value * ``slopes``.

    ``scale`` and ``offset`` are [batch, column], ``slopes`` [batch, covariate, column]; ``known`` [batch] says which
    batches were in the fit.
    """

    scale: Floats
    offset: Floats
    slopes: Floats
    known: NDArray[np.bool_]

    def apply(self, features: Floats, batches: Indices, covariates: Floats) -> Floats:
        """Return the harmonised features [patient, column]; NaN for patients of a batch that was not in the fit."""
        made = features * self.scale[batches] + self.offset[batches]
        for number in range(covariates.shape[1]):
            made += covariates[:, number, None] * self.slopes[batches, number]
        made[~self.known[batches]] = np.nan
        return made


def fit_combat(features: Floats, batches: Indices, covariates: Floats, n_batches: int) -> Combat:
    """Return ComBat of training patients: features [patient, column] with nothing missing, the number of each one's
    batch, and covariates [patient, covariate] (age in years, 1 for women).

    Features are z-scored for the fit, because the library's guards against zero are absolute. Raises CombatMissing
    without combatlearn.
    """
    counts = np.bincount(batches, minlength=n_batches)
    known = counts >= FEWEST_IN_A_FIT
    rows = known[batches]
    chosen, codes, told = features[rows], batches[rows], covariates[rows]
    mean, sd = chosen.mean(axis=0), chosen.std(axis=0)
    varies = sd > 1e-12 * np.maximum(1.0, np.abs(mean))
    scores = (chosen - mean) / np.where(varies, sd, 1.0)
    places = np.flatnonzero(varies & (_within(scores, codes) > _LEAST_SPREAD))
    n_columns, n_covariates = features.shape[1], covariates.shape[1]
    scale, offset = np.ones((n_batches, n_columns)), np.zeros((n_batches, n_columns))
    slopes = np.zeros((n_batches, n_covariates, n_columns))
    if len(places) and known.sum() > 1:
        lines = _lines(scores[:, places], codes, told)
        numbers = np.flatnonzero(known)
        at = np.ix_(numbers, places)
        scale[at] = lines[1] - lines[0]
        offset[at] = mean[places] * (1 - scale[at]) + sd[places] * lines[0]
        for number in range(n_covariates):
            slopes[numbers[:, None], number, places] = (lines[2 + number] - lines[0]) * sd[places]
    return Combat(scale, offset, slopes, known)


def _within(scores: Floats, codes: Indices) -> Floats:
    """The standard deviation of each column within the batches."""
    rest = scores.copy()
    for code in np.unique(codes):
        rest[codes == code] -= rest[codes == code].mean(axis=0)
    return np.asarray(rest.std(axis=0), dtype=np.float64)


def _lines(scores: Floats, codes: Indices, covariates: Floats) -> Floats:
    """What the fitted transformation makes of made-up patients of each batch: all zero, all one, and zero with each
    covariate at one; [1 + 1 + covariate, batch, column]. It is a line, so these say all of it."""
    numbers = np.unique(codes)
    n_covariates, n_columns = covariates.shape[1], scores.shape[1]
    probes = np.zeros((2 + n_covariates, len(numbers), n_columns))
    probes[1] = 1.0
    with_covariates = np.zeros((2 + n_covariates, len(numbers), n_covariates))
    for number in range(n_covariates):
        with_covariates[2 + number, :, number] = 1.0
    n_train, n_probes = len(scores), (2 + n_covariates) * len(numbers)
    everybody = pd.DataFrame(np.concatenate([scores, probes.reshape(n_probes, n_columns)]))
    batch = pd.Series([str(code) for code in (*codes, *np.tile(numbers, 2 + n_covariates))])
    beside = np.concatenate([covariates, with_covariates.reshape(n_probes, n_covariates)])
    model = _combat(batch, pd.DataFrame(beside) if n_covariates else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # batches of unequal size, one feature alone: the check tells
        model.fit(everybody.iloc[:n_train])
        made = model.transform(everybody.iloc[n_train:])
    return np.asarray(made, dtype=np.float64).reshape(2 + n_covariates, len(numbers), n_columns)


def _combat(batch: pd.Series, covariates: pd.DataFrame | None) -> ComBat:
    try:
        from combatlearn import ComBat
    except ModuleNotFoundError as error:
        raise CombatMissing("combatlearn is not installed") from error
    return ComBat(batch, continuous_covariates=covariates, method="fortin")
