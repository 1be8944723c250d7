"""Many samples at once give what one sample at a time gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trabecula_training.statistics.bootstrap import bca_interval, bca_intervals
from trabecula_training.statistics.calibration import (
    brier,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    integrated_calibration_index,
)
from trabecula_training.statistics.decision import rates
from trabecula_training.statistics.rows import PROBABILITY_ROWS, rates_rows

SINGLE = {
    "brier": brier,
    "calibration_slope": calibration_slope,
    "calibration_intercept": calibration_intercept,
    "ici": integrated_calibration_index,
    "ece": expected_calibration_error,
}
RATES = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1")


def made(patients: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = (generator.random(patients) < 0.35).astype(np.int64)
    return labels, np.clip(0.3 * labels + 0.65 * generator.random(patients), 0.001, 0.999)


@pytest.mark.parametrize("name", PROBABILITY_ROWS)
@pytest.mark.parametrize("patients", [7, 60, 133])
def test_a_metric_of_bootstrap_samples_is_that_of_each(name: str, patients: int) -> None:
    labels, probabilities = made(patients, patients)
    index = np.random.default_rng(1).integers(0, patients, (40, patients))

    together = PROBABILITY_ROWS[name](labels[index], probabilities[index])

    one_by_one = [SINGLE[name](labels[row], probabilities[row]) for row in index]
    assert together == pytest.approx(one_by_one, abs=1e-9, nan_ok=True)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(2, 12).flatmap(
        lambda size: st.lists(
            st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.2000001, 0.5, 0.9, 1.0])),
            min_size=size,
            max_size=size,
        )
    )
)
def test_ties_and_single_classes_do_not_part_the_two(rows: list[tuple[int, float]]) -> None:
    labels = np.array([[row[0] for row in rows]], dtype=np.int64)
    probabilities = np.array([[row[1] for row in rows]])

    for name, function in PROBABILITY_ROWS.items():
        expected = SINGLE[name](labels[0], probabilities[0])
        assert function(labels, probabilities)[0] == pytest.approx(expected, abs=1e-6, nan_ok=True), name


def test_rates_of_samples_are_those_of_each_and_undefined_where_they_are() -> None:
    labels = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=np.int64)
    decisions = np.array([[1, 0, 0.4, 1], [0, 0, 0, 0], [1, 0, 1, 1]])

    found = rates_rows(labels, decisions)

    for row, truth, decided in zip(found, labels, decisions, strict=True):
        single = rates(truth, decided)
        assert row == pytest.approx([getattr(single, name) for name in RATES], nan_ok=True)


def test_intervals_taken_together_are_those_taken_alone() -> None:
    labels, probabilities = made(50, 3)

    together = bca_intervals(
        lambda index: np.stack(
            [function(labels[index], probabilities[index]) for function in PROBABILITY_ROWS.values()], 1
        ),
        50,
        seed=4,
        resamples=150,
    )

    for name, found in zip(PROBABILITY_ROWS, together, strict=True):
        single = SINGLE[name]
        alone = bca_interval(lambda index, f=single: f(labels[index], probabilities[index]), 50, seed=4, resamples=150)
        assert (found.estimate, found.low, found.high) == pytest.approx(
            (alone.estimate, alone.low, alone.high), abs=1e-9
        )
