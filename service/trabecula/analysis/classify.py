"""Scorers: each wraps one verified bundle, answers with its probability, or abstains and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from trabecula.analysis.activation import Activated, Activation, ModelRole
from trabecula.analysis.bundle import Bundle, load_bundle
from trabecula.analysis.radiomics.feature_set import FeatureSet, feature_set_of
from trabecula.analysis.radiomics.series_features import FeatureMemory, acquisition_of
from trabecula.analysis.training_range import acquisition_reasons, feature_reasons
from trabecula.domain.bundle import FEATURE_INPUT, PROBABILITY_OUTPUT, SCORE_OUTPUT, BundleKind, EndpointModel
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.errors import BundleInvalid
from trabecula.domain.result import Score, SeriesRole
from trabecula.domain.scoring import Scorer, ScoringContext
from trabecula.domain.volume import Modality

Vector = NDArray[np.float64]
_RUNTIME_FAULTS = (
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NotImplemented,
    states.RuntimeException,
)
"""What onnxruntime raises for a graph it cannot load or run; they have no common base."""


class RadiomicsScorer:
    """Implements Scorer for a radiomics bundle. Raises BundleInvalid for a bundle this program cannot run."""

    def __init__(self, bundle: Bundle, active: bool, memory: FeatureMemory | None = None) -> None:
        self._bundle = bundle
        self._active = active
        self._memory = memory or FeatureMemory()
        self._settings, self._places = _features_of(bundle)
        self._session = _session(bundle)

    def score(self, context: ScoringContext) -> tuple[Score, ...]:
        """Return one score for each endpoint; none where the study has no series of the model's kind."""
        manifest = self._bundle.manifest
        if not set(manifest.roles) & set(context.series):
            return ()
        reasons = self._acquisition(context)
        if reasons:
            return self._abstained(reasons)
        vector = self._vector(context)
        if vector is None:
            return self._abstained((Reason(ReasonCode.TOO_FEW_LEVELS, detail="with finite features"),))
        assert manifest.training_range is not None
        reasons = tuple(feature_reasons(vector, manifest.training_range))
        if reasons:
            return self._abstained(reasons)
        probabilities, scores = self._session.run([PROBABILITY_OUTPUT, SCORE_OUTPUT], {FEATURE_INPUT: vector[None]})
        return tuple(
            self._answered(endpoint, float(probability), float(raw))
            for endpoint, probability, raw in zip(manifest.endpoints, probabilities[0], scores[0], strict=True)
        )

    def _acquisition(self, context: ScoringContext) -> tuple[Reason, ...]:
        reasons: list[Reason] = []
        for allowed in self._bundle.manifest.inputs:
            measured = context.series.get(allowed.role)
            if measured is None:
                reasons.append(Reason(ReasonCode.NO_SUITABLE_SERIES, detail=f"the model needs {allowed.role}"))
            else:
                reasons.extend(acquisition_reasons(measured, acquisition_of(measured), allowed))
        return tuple(reasons)

    def _vector(self, context: ScoringContext) -> Vector | None:
        """The vector in the model's own order, or None when too few levels have one."""
        manifest = self._bundle.manifest
        assert manifest.layout is not None
        features = self._memory.features(context, manifest.roles, self._settings)
        return manifest.layout.vector({place: values[self._places] for place, values in features.items()})

    def _answered(self, endpoint: EndpointModel, probability: float, raw: float) -> Score:
        point = next(item for item in endpoint.operating_points if item.name == endpoint.primary)
        return replace(
            self._unspoken(endpoint),
            applicable=True,
            probability=probability,
            raw_score=raw,
            operating_point=point.name,
            threshold=point.threshold,
            positive=probability >= point.threshold,
        )

    def _abstained(self, reasons: Sequence[Reason]) -> tuple[Score, ...]:
        endpoints = self._bundle.manifest.endpoints
        return tuple(replace(self._unspoken(endpoint), reasons=tuple(reasons)) for endpoint in endpoints)

    def _unspoken(self, endpoint: EndpointModel) -> Score:
        """Which model it is, before it says anything."""
        manifest = self._bundle.manifest
        return Score(
            model_id=manifest.model_id,
            model_version=manifest.version,
            model_sha256=self._bundle.model_sha256,
            applicable=False,
            demonstration=manifest.demonstration,
            endpoint=endpoint.name,
            active=self._active,
            role=_only(manifest.roles),
        )


class RefusedScorer:
    """Implements Scorer for a bundle in use that did not pass verification: it abstains, and the analysis goes on."""

    def __init__(self, model_id: str, activated: Activated, why: str) -> None:
        self._model_id = model_id
        self._activated = activated
        self._why = why

    def score(self, context: ScoringContext) -> tuple[Score, ...]:
        """Return an abstention for a study of the model's modality."""
        ours = {role for role in context.series if (role is SeriesRole.CT) == (self._activated.modality is Modality.CT)}
        if not ours:
            return ()
        reason = Reason(ReasonCode.MODEL_UNAVAILABLE, detail=self._why)
        active = self._activated.role is ModelRole.ACTIVE
        return (Score(self._model_id, "", "", False, False, "", active=active, reasons=(reason,)),)


def scorers_of(bundles_root: Path, activation: Activation) -> tuple[Scorer, ...]:
    """Return a scorer for each bundle in use, the active ones first. Never raises for a bundle that is not sound."""
    memory = FeatureMemory()
    ordered = sorted(activation.models.items(), key=lambda item: (item[1].role is not ModelRole.ACTIVE, item[0]))
    return tuple(_scorer(bundles_root / model_id, activated, memory) for model_id, activated in ordered)


def _scorer(folder: Path, activated: Activated, memory: FeatureMemory) -> Scorer:
    try:
        bundle = load_bundle(folder)
        if bundle.sha256 != activated.sha256:
            raise BundleInvalid(f"{folder.name} is not the bundle that was activated")
        return RadiomicsScorer(bundle, activated.role is ModelRole.ACTIVE, memory)
    except BundleInvalid as error:
        return RefusedScorer(folder.name, activated, error.detail)


def check_runs(bundle: Bundle) -> None:
    """Raise BundleInvalid where this program cannot run the bundle: other kind, unknown features, broken graph."""
    RadiomicsScorer(bundle, active=False)


def _features_of(bundle: Bundle) -> tuple[FeatureSet, NDArray[np.int64]]:
    """The feature set of a bundle, and where the features of its layout stand in it."""
    manifest = bundle.manifest
    if manifest.kind is not BundleKind.RADIOMICS or manifest.layout is None:
        raise BundleInvalid(f"{manifest.model_id} is a model of images, which this version cannot run")
    settings = feature_set_of(manifest.feature_settings_sha256)
    if settings is None or settings.region != manifest.regions:
        raise BundleInvalid(f"{manifest.model_id} needs extraction settings that this version does not have")
    places = {name: place for place, name in enumerate(settings.names)}
    unknown = [name for name in manifest.layout.features if name not in places]
    if unknown:
        raise BundleInvalid(f"{manifest.model_id} needs the feature {unknown[0]}, which its settings do not give")
    return settings, np.array([places[name] for name in manifest.layout.features], dtype=np.int64)


def _session(bundle: Bundle) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    manifest = bundle.manifest
    assert manifest.layout is not None
    probe = np.zeros((1, len(manifest.layout.columns)))
    try:
        session = onnxruntime.InferenceSession(str(bundle.model_file), options, providers=["CPUExecutionProvider"])
        answers = session.run([PROBABILITY_OUTPUT, SCORE_OUTPUT], {FEATURE_INPUT: probe})
    except (*_RUNTIME_FAULTS, ValueError) as error:
        raise BundleInvalid(f"the graph of {manifest.model_id} does not run ({type(error).__name__})") from error
    if any(answer.shape != (1, len(manifest.endpoints)) for answer in answers):
        raise BundleInvalid(f"the graph of {manifest.model_id} does not give one number for each endpoint")
    return session


def _only(roles: Sequence[SeriesRole]) -> SeriesRole | None:
    return roles[0] if len(roles) == 1 else None
