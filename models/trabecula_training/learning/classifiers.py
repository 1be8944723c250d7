"""The classifiers of the studies as families of candidates: what inner cross-validation chooses from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Lasso, LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ClassifierCandidate:
    """One classifier with its hyper-parameters; ``make`` builds a fresh scikit-learn estimator from a seed."""

    name: str
    make: Callable[[int], Any]


@dataclass(frozen=True)
class Family:
    """A classifier as a study names it, with the settings that inner folds choose from in sound mode. ``study`` is what
    paper mode uses: the study's own, or scikit-learn's default where the study is silent; None: the first candidate."""

    name: str
    candidates: tuple[ClassifierCandidate, ...]
    study: ClassifierCandidate | None = None
    linear: bool = False
    """Whether the fitted model is a sum of weighted columns, so that it has a formula."""

    @property
    def published(self) -> ClassifierCandidate:
        """The classifier of paper mode: no class weights, nothing chosen by its results."""
        return self.study or self.candidates[0]


def fit(candidate: ClassifierCandidate, features: Floats, labels: Labels, seed: int) -> Any:
    """Return the fitted estimator. Nearest neighbours are no more than there are patients."""
    estimator = candidate.make(seed)
    if isinstance(estimator, KNeighborsClassifier):
        estimator.n_neighbors = min(estimator.n_neighbors, len(labels))
    return estimator.fit(features, labels)


def raw_scores(estimator: Any, features: Floats) -> Floats:
    """Return one number per patient that grows with the risk: decision function, regression, or probability."""
    if hasattr(estimator, "decision_function"):
        scores = estimator.decision_function(features)
    elif isinstance(estimator, Lasso):
        scores = estimator.predict(features)
    else:
        scores = estimator.predict_proba(features)[:, 1]
    return np.asarray(scores, dtype=np.float64)


def knn(*neighbours: int) -> Family:
    """K nearest neighbours with uniform weights (weights by distance cannot be exported rightly)."""
    return Family("KNN", tuple(ClassifierCandidate(f"k={count}", partial(_knn, count)) for count in neighbours))


def _knn(neighbours: int, seed: int) -> Any:
    return KNeighborsClassifier(neighbours, algorithm="brute")


def support_vectors(*penalties: float) -> Family:
    """A support vector machine with radial kernel."""
    return Family(
        "SVM",
        tuple(ClassifierCandidate(f"C={penalty:g}", partial(_svm, penalty)) for penalty in penalties),
        ClassifierCandidate("defaults", _default_svm),
    )


def _default_svm(seed: int) -> Any:
    return SVC()


def _svm(penalty: float, seed: int) -> Any:
    return SVC(C=penalty, class_weight="balanced")


def random_forest(trees: int, *leaves: int) -> Family:
    """A random forest; candidates differ in the smallest leaf."""
    return Family(
        "RF",
        tuple(ClassifierCandidate(f"trees={trees}, leaf={leaf}", partial(_forest, trees, leaf)) for leaf in leaves),
        ClassifierCandidate("defaults", _default_forest),
    )


def _default_forest(seed: int) -> Any:
    return RandomForestClassifier(random_state=seed, n_jobs=1)


def _forest(trees: int, leaf: int, seed: int) -> Any:
    return RandomForestClassifier(trees, min_samples_leaf=leaf, class_weight="balanced", random_state=seed, n_jobs=1)


def logistic(*penalties: float) -> Family:
    """Logistic regression with an L2 penalty."""
    return Family(
        "LR",
        tuple(ClassifierCandidate(f"C={penalty:g}", partial(_logistic, penalty)) for penalty in penalties),
        ClassifierCandidate("defaults", _default_logistic),
        linear=True,
    )


def _default_logistic(seed: int) -> Any:
    return LogisticRegression(max_iter=2000)


def _logistic(penalty: float, seed: int) -> Any:
    return LogisticRegression(C=penalty, class_weight="balanced", max_iter=2000, tol=1e-6)


def decided(estimator: Any, features: Floats) -> Floats:
    """Return a classifier's own decisions, 1 or 0: probability 0.5, or 0 of a decision function."""
    return np.asarray(estimator.predict(features), dtype=np.float64)


def linear_discriminant() -> Family:
    """Linear discriminant analysis, plain and with Ledoit-Wolf shrinkage."""
    return Family(
        "LDA",
        (ClassifierCandidate("plain", partial(_lda, False)), ClassifierCandidate("shrunk", partial(_lda, True))),
        linear=True,
    )


def _lda(shrunk: bool, seed: int) -> Any:
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto") if shrunk else LinearDiscriminantAnalysis()


def gradient_descent(*strengths: float) -> Family:
    """A linear classifier with logistic loss, trained by stochastic gradient descent."""
    return Family(
        "SGD",
        tuple(ClassifierCandidate(f"alpha={strength:g}", partial(_sgd, strength)) for strength in strengths),
        ClassifierCandidate("defaults", _default_sgd),
        linear=True,
    )


def _default_sgd(seed: int) -> Any:
    return SGDClassifier(random_state=seed)


def _sgd(strength: float, seed: int) -> Any:
    return SGDClassifier(loss="log_loss", alpha=strength, class_weight="balanced", random_state=seed, max_iter=2000)


def naive_bayes() -> Family:
    """Gaussian naive Bayes."""
    return Family(
        "GNB",
        tuple(ClassifierCandidate(f"smoothing={share:g}", partial(_bayes, share)) for share in (1e-9, 0.1)),
    )


def _bayes(smoothing: float, seed: int) -> Any:
    return GaussianNB(var_smoothing=smoothing)


def lasso(*penalties: float) -> Family:
    """The LASSO on 0/1 labels, whose linear predictor is the Radscore; the candidates differ in lambda."""
    return Family(
        "LASSO",
        tuple(ClassifierCandidate(f"lambda={penalty:g}", partial(_lasso, penalty)) for penalty in penalties),
        linear=True,
    )


def _lasso(penalty: float, seed: int) -> Any:
    return Lasso(alpha=penalty, max_iter=20000)
