"""The scorer of radiomics bundles: features of the trusted levels as one vector, held against the training range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import FEATURE_INPUT, BundleKind, Manifest
from trabecula.domain.models.conditioning import Covariate, device_name
from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Score
from trabecula.scoring.answers import abstentions, answers, unfit_acquisition
from trabecula.scoring.bundles import Bundle
from trabecula.scoring.model_graph import ModelGraph
from trabecula.scoring.radiomics.feature_set import FeatureSet, feature_set_of
from trabecula.scoring.radiomics.series_features import FeatureMemory, acquisition_of
from trabecula.scoring.training_range import feature_reasons

Vector = NDArray[np.float64]


class RadiomicsScorer:
    """Implements Scorer for a radiomics bundle. Raises BundleInvalid for a bundle this program cannot run."""

    def __init__(self, bundle: Bundle, active: bool, memory: FeatureMemory | None = None) -> None:
        self._bundle = bundle
        self._active = active
        self._memory = memory or FeatureMemory()
        self._settings, self._places = _features_of(bundle)
        assert bundle.manifest.layout is not None
        known = [_row(bundle.manifest, vector.values) for vector in bundle.manifest.check_vectors]
        self._graph = ModelGraph(bundle, FEATURE_INPUT, _probes(bundle.manifest), known)

    def score(self, context: ScoringContext) -> tuple[Score, ...]:
        """Return one score for each endpoint; none where the study has no series of the model's kind."""
        manifest = self._bundle.manifest
        if not set(manifest.roles) & set(context.series):
            return ()
        reasons = unfit_acquisition(self._bundle, context)
        if reasons:
            return abstentions(self._bundle, self._active, reasons)
        further = further_columns(manifest, context)
        if isinstance(further, Reason):
            return abstentions(self._bundle, self._active, (further,))
        vector = self._vector(context)
        if vector is None:
            few = Reason(code=ReasonCode.TOO_FEW_LEVELS, detail="with finite features")
            return abstentions(self._bundle, self._active, (few,))
        assert manifest.training_range is not None
        missing = manifest.conditioning.max_missing_fraction if manifest.conditioning else 0.0
        reasons = tuple(feature_reasons(vector, manifest.training_range, missing))
        if reasons:
            return abstentions(self._bundle, self._active, reasons)
        return answers(self._bundle, self._active, self._graph, np.concatenate([vector, further])[None])

    def _vector(self, context: ScoringContext) -> Vector | None:
        """The vector in the model's own order, or None when too few levels have one."""
        manifest = self._bundle.manifest
        assert manifest.layout is not None
        features = self._memory.features(context, manifest.roles, self._settings)
        return manifest.layout.vector({place: values[self._places] for place, values in features.items()})


def _probes(manifest: Manifest) -> list[Vector]:
    """Inputs on which the graph must answer: nothing, and the middle and both ends of what training saw."""
    trained = manifest.training_range
    assert trained is not None
    nothing = (0.0,) * len(trained.used)
    return [_row(manifest, values) for values in (nothing, trained.mean, trained.low, trained.high)]


def _row(manifest: Manifest, values: Sequence[float]) -> Vector:
    """The input of one patient whose used columns have these values, the others zero."""
    assert manifest.layout is not None
    assert manifest.training_range is not None
    further = manifest.conditioning.further_columns if manifest.conditioning else 0
    row = np.zeros((1, len(manifest.layout.columns) + further))
    row[0, list(manifest.training_range.used)] = values
    return row


def further_columns(manifest: Manifest, context: ScoringContext) -> Vector | Reason:
    """Return what a harmonised graph reads beyond the features of a study (batch number, covariates), or why the model
    must abstain: a scanner that was not in the fit, age or sex not recorded."""
    made = manifest.conditioning
    if made is None or not made.batches:
        return np.zeros(0)
    series = [context.series[role] for role in manifest.roles if role in context.series]
    names = {device_name(acquisition_of(measured)) for measured in series}
    numbers = {made.number_of(name) for name in names}
    number = next(iter(numbers)) if len(numbers) == 1 else None
    if number is None:
        named = ", ".join(sorted(names - {""})) or "not stated"
        detail = f"scanner {named}; ComBat was fitted on {', '.join(batch.name for batch in made.batches)}"
        return Reason(code=ReasonCode.OUT_OF_TRAINING_RANGE, detail=detail)
    values = {
        Covariate.AGE: context.age_years,
        Covariate.SEX: {"F": 1.0, "M": 0.0}.get(context.sex),
    }
    covariates = [values[name] for name in made.covariates]
    if any(value is None for value in covariates):
        return Reason(code=ReasonCode.AGE_SEX_MISSING, detail="the model's ComBat needs it")
    return np.array([number, *covariates], dtype=np.float64)


def _features_of(bundle: Bundle) -> tuple[FeatureSet, NDArray[np.int64]]:
    """The feature set of a bundle, and where the features of its layout stand in it."""
    manifest = bundle.manifest
    if manifest.kind is not BundleKind.RADIOMICS or manifest.layout is None:
        raise BundleInvalid(f"{manifest.model_id} is no radiomics model")
    settings = feature_set_of(manifest.feature_settings_sha256)
    if settings is None or settings.region != manifest.regions:
        raise BundleInvalid(f"{manifest.model_id} needs extraction settings that this version does not have")
    places = {name: place for place, name in enumerate(settings.names)}
    unknown = [name for name in manifest.layout.features if name not in places]
    if unknown:
        raise BundleInvalid(f"{manifest.model_id} needs the feature {unknown[0]}, which its settings do not give")
    return settings, np.array([places[name] for name in manifest.layout.features], dtype=np.int64)
