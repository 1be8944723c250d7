"""Calibrators: what turns a raw score into a probability, learned on inner out-of-fold scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from trabecula.domain.models.bundle import CalibrationMethod
from trabecula_training.statistics.calibration import fit_logistic_line, sigmoid

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

ISOTONIC_FROM = 500
"""Number of patients from which isotonic regression replaces Platt scaling (it overfits below)."""


@dataclass(frozen=True)
class Platt:
    """sigmoid(slope * score + intercept); the slope is never negative, so that calibration cannot turn a rank."""

    slope: float
    intercept: float
    method: CalibrationMethod = CalibrationMethod.PLATT

    def probabilities(self, scores: Floats) -> Floats:
        """Return the calibrated probabilities."""
        return sigmoid(self.slope * scores + self.intercept)


@dataclass(frozen=True)
class Isotonic:
    """A rising line through knots (strictly growing ``at``), flat outside."""

    at: tuple[float, ...]
    probability: tuple[float, ...]
    method: CalibrationMethod = CalibrationMethod.ISOTONIC

    def probabilities(self, scores: Floats) -> Floats:
        """Return the calibrated probabilities."""
        return np.asarray(np.interp(scores, self.at, self.probability), dtype=np.float64)


Calibrator = Platt | Isotonic


def fit_calibrator(labels: Labels, scores: Floats) -> Calibrator:
    """Return Platt scaling for fewer than 500 patients, isotonic regression from there on."""
    if len(labels) >= ISOTONIC_FROM:
        return _fit_isotonic(labels, scores)
    spread = float(scores.std()) or 1.0
    centre = float(scores.mean())
    smoothed = _platt_targets(labels)
    slope, intercept = fit_logistic_line(smoothed, (scores - centre) / spread)
    if slope < 0:
        prevalence = float(smoothed.mean())
        return Platt(0.0, float(np.log(prevalence / (1 - prevalence))))
    return Platt(slope / spread, intercept - slope * centre / spread)


def _platt_targets(labels: Labels) -> Floats:
    """Labels drawn a little towards the middle, so that separable scores keep finite slopes (Platt 1999)."""
    positives = int((labels == 1).sum())
    high, low = (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2)
    return np.where(labels == 1, high, low)


def _fit_isotonic(labels: Labels, scores: Floats) -> Isotonic:
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, labels)
    at, value = np.asarray(fitted.X_thresholds_), np.asarray(fitted.y_thresholds_)
    return Isotonic(tuple(float(item) for item in at), tuple(float(item) for item in value))
