"""What every scorer says in the same way: whether the acquisition fits, an answer, an abstention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import EndpointModel
from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Score, SeriesRole
from trabecula.scoring.bundles import Bundle
from trabecula.scoring.model_graph import ModelGraph
from trabecula.scoring.radiomics.series_features import acquisition_of
from trabecula.scoring.training_range import acquisition_reasons


def unfit_acquisition(bundle: Bundle, context: ScoringContext) -> tuple[Reason, ...]:
    """Return why the series of a study are not such as the bundle was trained on; empty where they are."""
    reasons: list[Reason] = []
    for allowed in bundle.manifest.inputs:
        measured = context.series.get(allowed.role)
        if measured is None:
            reasons.append(Reason(code=ReasonCode.NO_SUITABLE_SERIES, detail=f"the model needs {allowed.role}"))
        else:
            reasons.extend(acquisition_reasons(measured, acquisition_of(measured), allowed))
    return tuple(reasons)


def answers(bundle: Bundle, active: bool, graph: ModelGraph, given: NDArray[Any]) -> tuple[Score, ...]:
    """Return one score for each endpoint, judged at its primary operating point; where the graph gives no usable
    answer on this input, the model is unavailable for the study and says why."""
    try:
        probabilities, scores = graph.answer(given)
    except BundleInvalid as error:
        return abstentions(bundle, active, (unavailable(error.detail),))
    return tuple(
        _answered(bundle, active, endpoint, float(probability), float(raw))
        for endpoint, probability, raw in zip(bundle.manifest.endpoints, probabilities, scores, strict=True)
    )


def checked(score: Score) -> Score:
    """Return a score, or the abstention of a scorer whose numbers are not finite or no probability."""
    numbers = (score.probability, score.raw_score)
    if any(number is not None and not math.isfinite(number) for number in numbers):
        why = "its answer is not finite"
    elif score.probability is not None and not 0.0 <= score.probability <= 1.0:
        why = "its answer is outside 0 to 1"
    else:
        return score
    reasons = (*score.reasons, unavailable(why))
    return replace(score, applicable=False, probability=None, raw_score=None, positive=None, reasons=reasons)


def unavailable(why: str) -> Reason:
    """Return MODEL_UNAVAILABLE, which takes nothing from the measurement."""
    return Reason(code=ReasonCode.MODEL_UNAVAILABLE, blocking=False, detail=why)


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
        verdict=endpoint.verdict,
        role=_only(manifest.roles),
    )


def _only(roles: Sequence[SeriesRole]) -> SeriesRole | None:
    return roles[0] if len(roles) == 1 else None
