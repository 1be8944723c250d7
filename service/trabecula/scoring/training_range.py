"""Whether a study is like those a model was trained on: acquisition, single features, all features together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import AcquisitionRange, TrainingRange
from trabecula.domain.models.scoring import MeasuredSeries
from trabecula.domain.reconstruction_kernel import KernelClass
from trabecula.domain.results.reasons import Reason, ReasonCode

_ROUNDING = 1e-3
"""Relative slack of a number at the end of its range: headers round."""
_NATIVE_ONLY = ("NATIVE",)
_PHASE = "contrast_phase"
_KERNEL_CLASS = "kernel_class"


def acquisition_reasons(
    measured: MeasuredSeries, facts: Mapping[str, str | float], allowed: AcquisitionRange
) -> Iterator[Reason]:
    """Yield why texture of this series cannot be scored: sharp kernel, contrast phase, facts outside the range.

    A bundle that names no contrast phases was trained on native images.
    """
    uid = measured.source.series_uid
    if measured.kernel_class is KernelClass.SHARP:
        yield Reason(code=ReasonCode.KERNEL_SHARP, series_uid=uid, detail=str(facts.get("kernel", "")))
    phases = allowed.allowed.get(_PHASE, _NATIVE_ONLY)
    if measured.contrast_phase not in phases:
        detail = f"{measured.contrast_phase.lower()}; the model was trained on {', '.join(phases).lower()} images"
        yield Reason(code=ReasonCode.CONTRAST_PHASE, series_uid=uid, detail=detail)
    for name, (low, high) in allowed.numeric.items():
        value = facts.get(name)
        slack = _ROUNDING * max(abs(low), abs(high))
        if isinstance(value, (int, float)) and not low - slack <= value <= high + slack:
            detail = f"{name.replace('_', ' ')} {value:g}; the model allows {low:g} to {high:g}"
            yield Reason(code=ReasonCode.OUT_OF_TRAINING_RANGE, series_uid=uid, detail=detail)
    for name, words in allowed.allowed.items():
        found = _unlike(name, facts, words)
        if found:
            detail = f"{name.replace('_', ' ')} {found}; trained on {', '.join(words)}"
            yield Reason(code=ReasonCode.OUT_OF_TRAINING_RANGE, series_uid=uid, detail=detail)


def _unlike(name: str, facts: Mapping[str, str | float], words: Sequence[str]) -> str:
    """Return the word of a fact that training has not seen; "" where it has, where none is stated, or it is told."""
    word = facts.get(name)
    if word is None or str(word) in words or name == _PHASE:
        return ""
    if name != _KERNEL_CLASS:
        return str(word)
    kernel = str(facts.get("kernel", ""))
    return f"{word} ({kernel})" if kernel and word != KernelClass.SHARP else ""


def feature_reasons(
    vector: NDArray[np.float64], trained: TrainingRange, max_missing_fraction: float = 0.0
) -> Iterator[Reason]:
    """Yield why the features of a study lie outside: too many missing, too many beyond the percentiles, or too far from
    the centre. Missing ones (NaN) are neither beyond nor far: the graph fills them."""
    used = vector[list(trained.used)]
    known = np.isfinite(used)
    missing = float(np.mean(~known))
    if not missing <= max_missing_fraction:
        yield Reason(
            code=ReasonCode.OUT_OF_TRAINING_RANGE,
            detail="share of features that are missing",
            value=round(missing, 3),
            limit=round(max_missing_fraction, 3),
        )
    low, high = np.array(trained.low), np.array(trained.high)
    outside = float(np.mean(known & ~((used >= low) & (used <= high))))
    if not outside <= trained.max_outside_fraction:
        yield Reason(
            code=ReasonCode.OUT_OF_TRAINING_RANGE,
            detail="share of features beyond those of training",
            value=round(outside, 3),
            limit=round(trained.max_outside_fraction, 3),
        )
    z = np.where(known, (used - np.array(trained.mean)) / np.array(trained.sd), 0.0)
    distance = float(z @ np.array(trained.precision).reshape(len(z), len(z)) @ z)
    if not distance <= trained.mahalanobis_limit:
        yield Reason(
            code=ReasonCode.OUT_OF_TRAINING_RANGE,
            detail="distance from the training cohort (squared Mahalanobis)",
            value=round(distance, 1),
            limit=round(trained.mahalanobis_limit, 1),
        )
