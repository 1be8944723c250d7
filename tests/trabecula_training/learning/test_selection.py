from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from trabecula_training.learning.selection import (
    columns_of,
    lasso_first,
    mann_whitney_p,
    ridge_logistic_weights,
    stable_logistic,
    univariate,
    without_correlated,
    z_scored,
)


def made(columns: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns 0 and 1 separate the classes; column 2 is a copy of column 0."""
    generator = np.random.default_rng(seed)
    labels = np.tile([0, 1], 40).astype(np.int64)
    features = generator.standard_normal((80, columns))
    features[:, :2] += 1.2 * labels[:, None]
    features[:, 2] = features[:, 0] + 0.01 * generator.standard_normal(80)
    return features, labels


def test_constant_columns_are_left_out_and_the_rest_is_z_scored() -> None:
    features, _ = made()
    features[:, 5] = 1e9

    varies, scores = z_scored(features)

    assert 5 not in varies
    assert scores.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert scores.std(axis=0) == pytest.approx(1)


def test_columns_carry_the_scale_of_their_training_patients() -> None:
    features, _ = made()

    columns = columns_of(features[:60], np.array([4, 1]))

    assert columns.apply(features[:60]).mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert columns.apply(features).shape == (80, 2)


def test_mann_whitney_is_that_of_scipy() -> None:
    features, labels = made(5)
    features = features.round(1)
    expected = [
        stats.mannwhitneyu(column[labels == 1], column[labels == 0], method="asymptotic", use_continuity=False).pvalue
        for column in features.T
    ]

    assert mann_whitney_p(features, labels) == pytest.approx(expected, rel=1e-9)


def test_of_correlated_columns_the_first_in_order_stays() -> None:
    features, _ = made(4)
    _, scores = z_scored(features)

    assert without_correlated(scores, np.array([0, 1, 2, 3]), 0.9).tolist() == [0, 1, 3]
    assert without_correlated(scores, np.array([2, 1, 0, 3]), 0.9).tolist() == [2, 1, 3]
    assert without_correlated(scores, np.array([3]), 0.9).tolist() == [3]


def test_univariate_keeps_to_its_bounds() -> None:
    features, labels = made()

    assert len(univariate(features, labels, 0.0, at_least=10, at_most=50)) == 10
    assert len(univariate(features, labels, 1.0, at_least=10, at_most=20)) == 20
    assert set(univariate(features, labels, 1e-3, at_least=1, at_most=50)) >= {0, 1, 2}


def test_weights_in_the_row_space_are_those_of_the_full_regression() -> None:
    features, labels = made(300)
    _, scores = z_scored(features)
    reference = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(scores, labels)

    weights = ridge_logistic_weights(scores, labels)

    assert weights == pytest.approx(reference.coef_[0], abs=2e-3)


def test_the_stable_selection_finds_what_separates() -> None:
    features, labels = made()
    _, scores = z_scored(features)

    chosen = stable_logistic(scores, labels, seed=1, at_most=20)

    assert {0, 1} <= set(chosen.tolist())
    assert len(chosen) <= 20


def test_the_stable_selection_never_comes_back_empty() -> None:
    generator = np.random.default_rng(3)
    labels = np.tile([0, 1], 20).astype(np.int64)

    assert len(stable_logistic(generator.standard_normal((40, 500)), labels, seed=1, at_most=1)) >= 1


def test_the_lasso_path_begins_with_what_separates() -> None:
    features, labels = made()
    _, scores = z_scored(features)

    first = lasso_first(scores, labels, at_most=5)

    assert first[0] in (0, 1, 2)
    assert 1 <= len(first) <= 5
