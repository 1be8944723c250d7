"""The features of a measured study: what training records and what the service scores, made by one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.scoring import MeasuredSeries, ScoringContext
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.scoring.radiomics.extraction import extract_series
from trabecula.scoring.radiomics.feature_set import FeatureSet

Features = Mapping[tuple[SeriesRole, Level], NDArray[np.float64]]


def trusted_levels(context: ScoringContext) -> tuple[Level, ...]:
    """Return the levels of L1-L4 that no reason keeps out."""
    return tuple(item.level for item in context.levels if item.evaluable and item.level in MEASURED_LEVELS)


def study_features(context: ScoringContext, roles: Sequence[SeriesRole], settings: FeatureSet) -> Features:
    """Return the features of the trusted levels of every series of ``roles``, in the order of ``settings.names``."""
    levels = trusted_levels(context)
    found: dict[tuple[SeriesRole, Level], NDArray[np.float64]] = {}
    for role in roles:
        if role in context.series:
            measured = context.series[role]
            vectors = extract_series(measured.volume, measured.segmentation.labels, levels, settings)
            found |= {(role, level): vector for level, vector in vectors.items()}
    return found


def acquisition_of(measured: MeasuredSeries) -> dict[str, str | float]:
    """Return how a series was made, for CT with class of kernel and phase: what the ranges of a bundle speak of."""
    facts = dict(measured.source.acquisition)
    if measured.source.role is SeriesRole.CT:
        facts["kernel_class"] = measured.kernel_class.value
        facts["contrast_phase"] = measured.contrast_phase.value
    return facts


class FeatureMemory:
    """Remembers the features of the study at hand, so that several models of one feature set share one extraction."""

    def __init__(self) -> None:
        self._context: ScoringContext | None = None
        self._features: dict[tuple[str, tuple[SeriesRole, ...]], Features] = {}

    def features(self, context: ScoringContext, roles: Sequence[SeriesRole], settings: FeatureSet) -> Features:
        """Return what ``study_features`` gives; another study empties the memory."""
        if context is not self._context:
            self._context, self._features = context, {}
        key = (settings.sha256, tuple(roles))
        if key not in self._features:
            self._features[key] = study_features(context, roles, settings)
        return self._features[key]
