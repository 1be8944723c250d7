"""A task in paper mode: what the study's own order of operations gives, each part of the patients for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval
from trabecula_training.evaluation.metrics import RATE_NAMES
from trabecula_training.learning.recipe import PaperOutcome, PaperPart, StudyPart
from trabecula_training.statistics.calibration import HosmerLemeshow, hosmer_lemeshow
from trabecula_training.statistics.clusters import cluster_intervals, weighted_rates

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PaperPartResult:
    """One set of patients of a study's own order. ``rows`` are what was judged (pictures, or patients once for each
    test set they were in), ``confusion`` is TN, FP, FN, TP of these rows at the study's cut-off."""

    auc: Interval
    n_patients: int
    rows: int
    points: Mapping[str, Interval]
    confusion: tuple[int, int, int, int]
    hosmer_lemeshow: HosmerLemeshow | None


@dataclass(frozen=True)
class PaperResult:
    """A classifier evaluated as its study did: optimistic."""

    parts: Mapping[StudyPart, PaperPartResult]
    n_features: int


def paper_result(outcome: PaperOutcome, seed: int, resamples: int) -> PaperResult:
    """Return the measures of every part; intervals of rates are over patients, however often each of them stands."""
    parts = {name: _judged(part, seed, resamples) for name, part in outcome.parts.items()}
    return PaperResult(parts, outcome.n_features)


def _judged(part: PaperPart, seed: int, resamples: int) -> PaperPartResult:
    labels, decisions = part.labels, part.decisions

    def rates(weights: Floats) -> Floats:
        return weighted_rates(weights, labels, decisions)

    points = dict(zip(RATE_NAMES, cluster_intervals(rates, part.people, seed, resamples), strict=True))
    sick, flagged = labels == 1, decisions >= 0.5
    cells = ((~sick & ~flagged), (~sick & flagged), (sick & ~flagged), (sick & flagged))
    tn, fp, fn, tp = (int(cell.sum()) for cell in cells)
    people = len(np.unique(part.people))
    once = people == len(labels) and float(part.scores.min()) >= 0 and float(part.scores.max()) <= 1
    return PaperPartResult(
        auc=part.auc,
        n_patients=people,
        rows=len(labels),
        points=points,
        confusion=(tn, fp, fn, tp),
        hosmer_lemeshow=hosmer_lemeshow(labels, part.scores) if once else None,
    )
