"""Fits the quality score: features of a body against its true Dice on phantoms, then a monotone curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge

from trabecula.segmentation.network.quality import FEATURES

_KNOTS = 24


@dataclass(frozen=True, eq=False)
class QualityCalibration:
    """Weights and curve as the manifest holds them, and how well they do: correlation and mean absolute error."""

    entry: dict[str, Any]
    correlation: float
    error: float
    predicted: NDArray[np.float64]


def fit_calibration(features: NDArray[np.float64], dice: NDArray[np.float64]) -> QualityCalibration:
    """Fit on ``[body, feature]`` (order of FEATURES) and true Dice; raises ValueError for fewer than 20 bodies."""
    if len(dice) < 20:
        raise ValueError("calibration needs at least 20 bodies")
    line = Ridge(alpha=0.05).fit(features, dice)
    score = line.predict(features)
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score, dice)
    knots = np.unique(np.quantile(score, np.linspace(0, 1, _KNOTS)))
    values = np.clip(curve.predict(knots), 0, 1)
    entry = {
        "weights": {name: round(float(weight), 6) for name, weight in zip(FEATURES, line.coef_, strict=True)},
        "intercept": round(float(line.intercept_), 6),
        "score": [round(float(value), 5) for value in knots],
        "dice": [round(float(value), 5) for value in values],
        "bodies": len(dice),
    }
    predicted = np.interp(score, knots, values)
    correlation = float(np.corrcoef(predicted, dice)[0, 1]) if predicted.std() > 0 else 0.0
    return QualityCalibration(entry, correlation, float(np.abs(predicted - dice).mean()), predicted)
