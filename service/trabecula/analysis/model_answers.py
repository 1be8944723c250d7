"""What every scorer says in the same way: whether the acquisition fits, an answer, an abstention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trabecula.analysis.bundle import Bundle
from trabecula.analysis.radiomics.series_features import acquisition_of
from trabecula.analysis.training_range import acquisition_reasons
from trabecula.domain.bundle import EndpointModel
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.result import Score, SeriesRole
from trabecula.domain.scoring import ScoringContext


def unfit_acquisition(bundle: Bundle, context: ScoringContext) -> tuple[Reason, ...]:
    """Return why the series of a study are not such as the bundle was trained on; empty where they are."""
    reasons: list[Reason] = []
    for allowed in bundle.manifest.inputs:
        measured = context.series.get(allowed.role)
        if measured is None:
            reasons.append(Reason(ReasonCode.NO_SUITABLE_SERIES, detail=f"the model needs {allowed.role}"))
        else:
            reasons.extend(acquisition_reasons(measured, acquisition_of(measured), allowed))
    return tuple(reasons)


def answers(
    bundle: Bundle, active: bool, probabilities: NDArray[np.float64], scores: NDArray[np.float64]
) -> tuple[Score, ...]:
    """Return one score for each endpoint, judged at its primary operating point; both arrays are [endpoints]."""
    return tuple(
        _answered(bundle, active, endpoint, float(probability), float(raw))
        for endpoint, probability, raw in zip(bundle.manifest.endpoints, probabilities, scores, strict=True)
    )


def _answered(bundle: Bundle, active: bool, endpoint: EndpointModel, probability: float, raw: float) -> Score:
    point = next(item for item in endpoint.operating_points if item.name == endpoint.primary)
    return replace(
        _unspoken(bundle, active, endpoint),
        applicable=True,
        probability=probability,
        raw_score=raw,
        operating_point=point.name,
        threshold=point.threshold,
        positive=probability >= point.threshold,
    )


def abstentions(bundle: Bundle, active: bool, reasons: Sequence[Reason]) -> tuple[Score, ...]:
    """Return a score without a probability for each endpoint, with the reasons."""
    return tuple(
        replace(_unspoken(bundle, active, endpoint), reasons=tuple(reasons)) for endpoint in bundle.manifest.endpoints
    )


def _unspoken(bundle: Bundle, active: bool, endpoint: EndpointModel) -> Score:
    """Which model it is, before it says anything."""
    manifest = bundle.manifest
    return Score(
        model_id=manifest.model_id,
        model_version=manifest.version,
        model_sha256=bundle.model_sha256,
        applicable=False,
        demonstration=manifest.demonstration,
        endpoint=endpoint.name,
        active=active,
        role=_only(manifest.roles),
    )


def _only(roles: Sequence[SeriesRole]) -> SeriesRole | None:
    return roles[0] if len(roles) == 1 else None
