"""Whether a study is like those a model was trained on: acquisition, single features, all features together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from trabecula.analysis.kernels import KernelClass
from trabecula.domain.bundle import AcquisitionRange, TrainingRange
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.scoring import MeasuredSeries

_ROUNDING = 1e-3
"""Relative slack of a number at the end of its range: headers round."""
_NATIVE = "NATIVE"


def acquisition_reasons(
    measured: MeasuredSeries, facts: Mapping[str, str | float], allowed: AcquisitionRange
) -> Iterator[Reason]:
    """Yield why texture of this series cannot be scored: sharp kernel, contrast agent, facts outside the range."""
    uid = measured.source.series_uid
    if measured.kernel_class == KernelClass.SHARP:
        yield Reason(ReasonCode.KERNEL_SHARP, series_uid=uid, detail=str(facts.get("kernel", "")))
    if measured.contrast_phase != _NATIVE and "contrast_phase" not in allowed.allowed:
        yield Reason(ReasonCode.CONTRAST_PHASE, series_uid=uid, detail="the model was trained on native images")
    for name, (low, high) in allowed.numeric.items():
        value = facts.get(name)
        slack = _ROUNDING * max(abs(low), abs(high))
        if isinstance(value, (int, float)) and not low - slack <= value <= high + slack:
            detail = f"{name.replace('_', ' ')} {value:g}; trained on {low:g} to {high:g}"
            yield Reason(ReasonCode.OUT_OF_TRAINING_RANGE, series_uid=uid, detail=detail)
    for name, words in allowed.allowed.items():
        word = facts.get(name)
        if word is not None and str(word) not in words:
            detail = f"{name.replace('_', ' ')} {word}; trained on {', '.join(words)}"
            yield Reason(ReasonCode.OUT_OF_TRAINING_RANGE, series_uid=uid, detail=detail)


def feature_reasons(vector: NDArray[np.float64], trained: TrainingRange) -> Iterator[Reason]:
    """Yield why the features of a study lie outside: too many beyond the percentiles, or too far from the centre."""
    used = vector[list(trained.used)]
    low, high = np.array(trained.low), np.array(trained.high)
    outside = float(np.mean((used < low) | (used > high)))
    if outside > trained.max_outside_fraction:
        yield Reason(
            ReasonCode.OUT_OF_TRAINING_RANGE,
            detail="share of features beyond those of training",
            value=round(outside, 3),
            limit=round(trained.max_outside_fraction, 3),
        )
    z = (used - np.array(trained.mean)) / np.array(trained.sd)
    distance = float(z @ np.array(trained.precision).reshape(len(z), len(z)) @ z)
    if distance > trained.mahalanobis_limit:
        yield Reason(
            ReasonCode.OUT_OF_TRAINING_RANGE,
            detail="distance from the training cohort (squared Mahalanobis)",
            value=round(distance, 1),
            limit=round(trained.mahalanobis_limit, 1),
        )
