"""The scorers of the bundles in use: each wraps one verified bundle, answers, or abstains and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.errors_of.trust import BundleUntrusted, SigningKeyUnusable
from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import BundleKind
from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.ports.scorer import Scorer
from trabecula.domain.results.result import Score, SeriesRole
from trabecula.scoring.activation import Activated, Activation, ModelRole
from trabecula.scoring.answers import unavailable
from trabecula.scoring.bundles import Bundle, bundle_folder, load_bundle
from trabecula.scoring.cnn_scorer import CnnScorer
from trabecula.scoring.radiomics.series_features import FeatureMemory
from trabecula.scoring.radiomics_scorer import RadiomicsScorer
from trabecula.scoring.trust import Trust


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
        active = self._activated.role is ModelRole.ACTIVE
        return (
            Score(
                model_id=self._model_id,
                model_version="",
                model_sha256="",
                applicable=False,
                demonstration=False,
                endpoint="",
                active=active,
                reasons=(unavailable(self._why),),
            ),
        )


class DecidingScorer:
    """Implements Scorer for a bundle that the site lets decide: its answers say so. A demonstration never does."""

    def __init__(self, inner: Scorer) -> None:
        self._inner = inner

    def score(self, context: ScoringContext) -> tuple[Score, ...]:
        """Return the scores of the bundle, marked."""
        found = self._inner.score(context)
        scores = (found,) if isinstance(found, Score) else found
        return tuple(replace(score, decides=not score.demonstration) for score in scores)


def scorers_of(roots: Sequence[Path], activation: Activation, trust: Trust) -> tuple[Scorer, ...]:
    """Return a scorer for each bundle in use, the active ones first. Never raises for a bundle that is not sound or
    not trusted."""
    memory = FeatureMemory()
    ordered = sorted(activation.models.items(), key=lambda item: (item[1].role is not ModelRole.ACTIVE, item[0]))
    return tuple(_scorer(bundle_folder(roots, model_id), activated, memory, trust) for model_id, activated in ordered)


def _scorer(folder: Path, activated: Activated, memory: FeatureMemory, trust: Trust) -> Scorer:
    try:
        bundle = load_bundle(folder)
        if bundle.sha256 != activated.sha256:
            raise BundleInvalid(f"{folder.name} is not the bundle that was activated")
        trust.provenance(bundle)
        scorer = scorer_of(bundle, activated.role is ModelRole.ACTIVE, memory)
    except (BundleInvalid, SigningKeyUnusable) as error:
        why = error.sentence if isinstance(error, BundleUntrusted | SigningKeyUnusable) else error.detail
        return RefusedScorer(folder.name, activated, why)
    return DecidingScorer(scorer) if activated.clearance is not None else scorer


def scorer_of(bundle: Bundle, active: bool, memory: FeatureMemory | None = None) -> Scorer:
    """Return the scorer of a verified bundle by its kind. Raises BundleInvalid where this program cannot run it:
    unknown features or crops, broken graph."""
    if bundle.manifest.kind is BundleKind.CNN:
        return CnnScorer(bundle, active)
    return RadiomicsScorer(bundle, active, memory)


def check_runs(bundle: Bundle) -> None:
    """Raise BundleInvalid where this program cannot run the bundle."""
    scorer_of(bundle, active=False)
