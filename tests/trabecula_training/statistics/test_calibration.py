from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from trabecula_training.statistics.calibration import (
    brier,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    fit_logistic_line,
    hosmer_lemeshow,
    integrated_calibration_index,
    logit,
    sigmoid,
)

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def made(n: int, seed: int, stretch: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from true risks, and predictions whose log odds are stretched and shifted."""
    generator = np.random.default_rng(seed)
    odds = generator.normal(0, 1.5, n)
    labels = (generator.random(n) < sigmoid(odds)).astype(np.int64)
    return labels, sigmoid(odds * stretch + shift)


def test_perfect_predictions_have_slope_one_and_intercept_zero() -> None:
    labels, predicted = made(20000, 0)

    assert calibration_slope(labels, predicted) == pytest.approx(1.0, abs=0.05)
    assert calibration_intercept(labels, predicted) == pytest.approx(0.0, abs=0.05)
    assert integrated_calibration_index(labels, predicted) < 0.02
    assert expected_calibration_error(labels, predicted) < 0.02
    assert hosmer_lemeshow(labels, predicted).p_value > 0.001


def test_too_extreme_predictions_have_a_slope_below_one() -> None:
    labels, predicted = made(20000, 1, stretch=2.0)

    assert calibration_slope(labels, predicted) == pytest.approx(0.5, abs=0.03)
    assert integrated_calibration_index(labels, predicted) > 0.05
    assert hosmer_lemeshow(labels, predicted).p_value < 1e-6


def test_underestimated_risk_has_an_intercept_above_zero() -> None:
    labels, predicted = made(20000, 2, shift=-1.0)

    assert calibration_intercept(labels, predicted) == pytest.approx(1.0, abs=0.08)


def test_the_line_is_that_of_scikit_learn() -> None:
    labels, predicted = made(400, 3)
    scores = logit(predicted)
    reference = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(scores[:, None], labels)

    slope, intercept = fit_logistic_line(labels, scores)

    assert slope == pytest.approx(reference.coef_[0, 0], abs=1e-4)
    assert intercept == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_separable_scores_give_a_finite_line() -> None:
    labels = np.array([0, 0, 1, 1], dtype=np.int64)

    slope, intercept = fit_logistic_line(labels, np.array([-2.0, -1.0, 1.0, 2.0]))

    assert np.isfinite([slope, intercept]).all()
    assert slope > 1


def test_one_class_or_one_prediction_has_no_slope() -> None:
    ones = np.ones(5, dtype=np.int64)

    assert np.isnan(calibration_slope(ones, np.linspace(0.1, 0.9, 5)))
    assert np.isnan(calibration_intercept(ones, np.linspace(0.1, 0.9, 5)))
    assert np.isnan(calibration_slope(np.array([0, 1], dtype=np.int64), np.array([0.5, 0.5])))


def test_external_sets_have_more_degrees_of_freedom() -> None:
    labels, predicted = made(200, 4)

    assert hosmer_lemeshow(labels, predicted).degrees_of_freedom == 8
    assert hosmer_lemeshow(labels, predicted, external=True).degrees_of_freedom == 10


@QUICK
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=50))
def test_the_measures_stay_in_their_ranges(rows: list[tuple[int, float]]) -> None:
    labels = np.array([row[0] for row in rows], dtype=np.int64)
    predicted = np.array([row[1] for row in rows])

    for measure in (brier, integrated_calibration_index, expected_calibration_error):
        assert 0 <= measure(labels, predicted) <= 1
    test = hosmer_lemeshow(labels, predicted)
    assert test.statistic >= 0
    assert 0 <= test.p_value <= 1


@QUICK
@given(st.floats(-700, 700))
def test_sigmoid_and_logit_are_inverse_where_numbers_allow(value: float) -> None:
    probability = float(sigmoid(np.array([value]))[0])

    assert 0 <= probability <= 1
    if abs(value) < 13:
        assert float(logit(np.array([probability]))[0]) == pytest.approx(value, abs=1e-6)
