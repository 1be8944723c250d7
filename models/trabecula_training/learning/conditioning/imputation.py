"""Filling what no level of a patient has: by the median, or by the nearest training patients (scikit-learn)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import KNNImputer, SimpleImputer

from trabecula.domain.models.conditioning import Imputation

Floats = NDArray[np.float64]

NEIGHBOURS = 5
"""Training patients whose mean fills a value: scikit-learn's default."""


@dataclass(frozen=True)
class MedianImputer:
    """``medians`` [column] of the training patients."""

    medians: Floats

    def apply(self, features: Floats) -> Floats:
        """Return the features [patient, column] with nothing missing."""
        return np.where(np.isnan(features), self.medians, features)


@dataclass(frozen=True)
class NearestImputer:
    """Fills by the mean of the nearest training patients in z-scores; ``donors`` are theirs [patient, column], with NaN
    where a value is missing, ``mean`` and ``sd`` [column] what they were scaled by."""

    donors: Floats
    mean: Floats
    sd: Floats

    def apply(self, features: Floats) -> Floats:
        """Return the features [patient, column] with nothing missing."""
        if not np.isnan(features).any():
            return features
        imputer = KNNImputer(n_neighbors=NEIGHBOURS, keep_empty_features=True).fit(self.donors)
        filled = imputer.transform((features - self.mean) / self.sd) * self.sd + self.mean
        return np.where(np.isnan(features), filled, features)


Imputer = MedianImputer | NearestImputer


def fit_imputer(kind: Imputation, features: Floats) -> Imputer | None:
    """Return the imputer of training patients, features [patient, column]; None where nothing is to be filled.

    A column that no training patient has becomes 0, does not vary, and is therefore never selected.
    """
    if kind is Imputation.NONE:
        return None
    if kind is Imputation.MEDIAN:
        fitted = SimpleImputer(strategy="median", keep_empty_features=True).fit(features)
        return MedianImputer(np.asarray(fitted.statistics_, dtype=np.float64))
    known = np.isfinite(features)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, features - mean, 0.0) ** 2).sum(axis=0) / count)
    sd = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(mean)), spread, 1.0)
    return NearestImputer((features - mean) / sd, mean, sd)
