from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trabecula_training.statistics.bootstrap import bca_interval


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
