"""The Radscore study (T1w and T2w MRI, uAI Research Portal, DXA): a LASSO score over three sagittal slices of L1-L4."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cohort.labels import ABNORMAL
from trabecula_training.learning.classifiers import Family, fit, lasso, raw_scores
from trabecula_training.learning.recipe import Floats, InputSet, Labels, PaperOutcome, Recipe
from trabecula_training.learning.selection import Columns, columns_of, univariate, without_correlated, z_scored
from trabecula_training.statistics.roc import auc

CORRELATION_LIMIT = 0.9
PAPER_LAMBDA = 0.13
VALIDATION_FRACTION = 0.3


def prepare(features: Floats, labels: Labels, seed: int) -> Columns:
    """Sound: z-score, the 300 columns that separate best, one of each correlated cluster; the LASSO then thins out."""
    varies, scores = z_scored(features)
    chosen = univariate(scores, labels, p_limit=1.0, at_least=10, at_most=300)
    return columns_of(features, np.asarray(varies[without_correlated(scores, chosen, CORRELATION_LIMIT)]))


def paper(features: Floats, labels: Labels, family: Family, seed: int) -> PaperOutcome:
    """The study's order: z-score and LASSO on every patient (its intercept is the prevalence of the whole cohort),
    then a 7:3 split whose validation part had taken part in the fit. The AUC printed is that of the validation part."""
    _, scores = z_scored(features)
    estimator = fit(family.candidates[0], scores, labels, seed)
    radscore = raw_scores(estimator, scores)
    splitter = StratifiedShuffleSplit(1, test_size=VALIDATION_FRACTION, random_state=seed)
    _, validation = next(splitter.split(scores, labels))
    n_features = int(np.count_nonzero(estimator.coef_))
    return PaperOutcome(
        auc(labels[validation], radscore[validation]), labels[validation], radscore[validation], n_features
    )


RECIPE = Recipe(
    name="radscore",
    title="T1w and T2w MRI Radscore by LASSO",
    source="Radscore study of 160 + 35 patients (T1WI, T2WI, T1WI+T2WI; uAI Research Portal; DXA)",
    feature_set="radscore_mr",
    inputs=(
        InputSet("T1+T2", (SeriesRole.T1W, SeriesRole.T2W)),
        InputSet("T1", (SeriesRole.T1W,)),
        InputSet("T2", (SeriesRole.T2W,)),
    ),
    aggregation=LevelAggregation.MEAN,
    tasks=(ABNORMAL,),
    families=(lasso(PAPER_LAMBDA, 0.02, 0.04, 0.06, 0.09),),
    prepare=prepare,
    paper=paper,
    headline=("T1+T2", "abnormal_bone_density", "LASSO"),
    assumptions=(
        "The published weights need the means and deviations of that cohort, which are not published: only the form "
        "of the score is kept, and its weights are fitted again.",
        "uAI's own filters (box sigma image, additive Gaussian noise) are not pyradiomics' and, the noise being "
        "random, cannot be repeated; pyradiomics' sets stand in.",
        "Whether the score belongs to one vertebra or the patient is not stated: features are averaged over L1-L4.",
        "Sound mode lets inner folds choose lambda; the study's 0.13 is one of the candidates.",
    ),
    faults=(
        "The intercept 0.538 equals the prevalence of all 160 patients (86/160), not of the 112 training patients "
        "(62/112): the LASSO had seen the validation set.",
        "The cut-off was chosen anew on every set, the external one included.",
    ),
)
