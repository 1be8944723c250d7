from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from trabecula_training.statistics.roc import (
    auc,
    delong_interval,
    delong_paired,
    delong_variance,
    roc_curve,
)

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
SCORES = st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=4, max_size=60).filter(
    lambda rows: 2 <= sum(label for label, _ in rows) <= len(rows) - 2
)


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows], dtype=np.int64), np.array([row[1] for row in rows], dtype=np.float64)


@QUICK
@given(SCORES)
def test_the_auc_is_that_of_scikit_learn_ties_included(rows: list[tuple[int, int]]) -> None:
    labels, scores = arrays(rows)

    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@QUICK
@given(SCORES)
def test_turning_the_scores_turns_the_auc_and_keeps_its_variance(rows: list[tuple[int, int]]) -> None:
    labels, scores = arrays(rows)

    assert auc(labels, -scores) == pytest.approx(1 - auc(labels, scores), abs=1e-12)
    assert delong_variance(labels, -scores) == pytest.approx(delong_variance(labels, scores), abs=1e-12)


@QUICK
@given(SCORES)
def test_the_curve_encloses_the_auc(rows: list[tuple[int, int]]) -> None:
    labels, scores = arrays(rows)

    false_rate, true_rate = roc_curve(labels, scores)

    assert float(np.trapezoid(true_rate, false_rate)) == pytest.approx(auc(labels, scores), abs=1e-12)
    assert np.all(np.diff(false_rate) >= 0)
    assert (false_rate[-1], true_rate[-1]) == (1.0, 1.0)


def test_delong_variance_is_that_of_its_definition() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0], dtype=np.int64)
    scores = np.array([0.9, 0.6, 0.4, 0.7, 0.4, 0.2, 0.1])
    positive, negative = scores[labels == 1], scores[labels == 0]
    wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])

    expected = np.var(wins.mean(axis=1), ddof=1) / 3 + np.var(wins.mean(axis=0), ddof=1) / 4

    assert delong_variance(labels, scores) == pytest.approx(expected, abs=1e-15)


def test_delong_covers_the_truth_in_about_95_of_100_samples() -> None:
    truth = float(stats.norm.cdf(1 / np.sqrt(2)))
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60).astype(np.int64)
    covered = 0
    for _ in range(400):
        interval = delong_interval(labels, generator.normal(labels, 1.0))
        covered += interval.low <= truth <= interval.high

    assert 0.92 <= covered / 400 <= 0.98


def test_equal_scores_do_not_differ_and_better_ones_do() -> None:
    generator = np.random.default_rng(1)
    labels = np.repeat([0, 1], 100).astype(np.int64)
    good, poor = generator.normal(2.0 * labels, 1.0), generator.normal(0.2 * labels, 1.0)

    assert delong_paired(labels, good, good).p_value == 1.0
    found = delong_paired(labels, good, poor)
    assert found.p_value < 1e-4
    assert 0 < found.low < found.difference < found.high


def test_paired_delong_is_calibrated_without_a_difference() -> None:
    generator = np.random.default_rng(2)
    labels = np.repeat([0, 1], 50).astype(np.int64)
    shared = labels + generator.normal(0, 1, (300, 100))
    p_values = [
        delong_paired(labels, row + generator.normal(0, 0.5, 100), row + generator.normal(0, 0.5, 100)).p_value
        for row in shared
    ]

    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.09


def test_one_class_has_no_auc() -> None:
    with pytest.raises(ValueError, match="both classes"):
        auc(np.ones(3, dtype=np.int64), np.arange(3.0))
