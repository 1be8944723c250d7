from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trabecula_training.statistics.bootstrap import bca_interval, bca_intervals
from trabecula_training.statistics.rows import PROBABILITY_ROWS


def test_the_interval_is_that_of_scipy() -> None:
    sample = np.random.default_rng(0).exponential(1.0, 40)
    reference = stats.bootstrap((sample,), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(1))

    found = bca_interval(lambda index: float(sample[index].mean()), 40, seed=2, resamples=4000)

    assert found.estimate == sample.mean()
    assert found.low == pytest.approx(reference.confidence_interval.low, abs=0.03)
    assert found.high == pytest.approx(reference.confidence_interval.high, abs=0.03)
    assert found.method == "BCa"


def test_the_same_seed_gives_the_same_interval() -> None:
    sample = np.arange(30.0)

    first, second = (bca_interval(lambda index: float(sample[index].mean()), 30, 5, 200) for _ in range(2))

    assert first == second


def test_a_statistic_that_does_not_vary_has_a_point_for_an_interval() -> None:
    found = bca_interval(lambda index: 0.25, 10, 0, 100)

    assert (found.low, found.estimate, found.high) == (0.25, 0.25, 0.25)


def test_an_undefined_statistic_has_no_interval() -> None:
    found = bca_interval(lambda index: float("nan"), 10, 0, 100)

    assert np.isnan([found.estimate, found.low, found.high]).all()


def test_an_estimate_in_the_tail_of_its_samples_keeps_an_interval_around_it() -> None:
    sample = np.random.default_rng(3).normal(0, 1, 60)

    def distance(index: np.ndarray) -> float:
        return 1 - len(set(index.tolist())) / 60 + abs(float(sample[index].mean())) / 100

    found = bca_interval(distance, 60, 1, 400)

    assert found.method == "centred"
    assert 0 <= found.low <= found.estimate <= found.high


@pytest.mark.parametrize("seed", range(6))
def test_an_interval_of_calibration_error_holds_its_estimate(seed: int) -> None:
    generator = np.random.default_rng(seed)
    predicted = generator.random(90)
    labels = (generator.random(90) < predicted).astype(np.int64)

    for name in ("ece", "ici", "brier"):
        function = PROBABILITY_ROWS[name]
        found = bca_intervals(lambda index, f=function: f(labels[index], predicted[index])[:, None], 90, seed, 300)[0]
        assert 0 <= found.low <= found.estimate <= found.high, (name, found)
