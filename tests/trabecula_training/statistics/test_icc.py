"""ICC(2,1): the worked example of Shrout and Fleiss, and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from trabecula_training.statistics.icc import icc, icc_interval, icc_lower_bound

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=np.float64
)[:, :, None]
"""Shrout and Fleiss 1979, Psychol Bull 86:420, table 2: six targets, four judges."""


def test_the_published_example() -> None:
    assert icc(SHROUT_FLEISS)[0] == pytest.approx(0.29, abs=0.005)
    assert icc_lower_bound(SHROUT_FLEISS)[0] == pytest.approx(0.019, abs=0.002)


def test_perfect_agreement_is_one_and_noise_is_low() -> None:
    generator = np.random.default_rng(1)
    same = np.repeat(generator.normal(size=(12, 1)), 5, axis=1)
    noise = generator.normal(size=(12, 5))

    found = icc_lower_bound(np.stack([same, noise, same + 0.05 * noise], axis=2))

    assert found[0] == 1.0
    assert found[1] < 0.3
    assert 0.9 < found[2] < 1.0


def test_a_constant_offset_between_raters_counts_as_disagreement() -> None:
    generator = np.random.default_rng(2)
    base = generator.normal(size=(20, 1)) + np.zeros((20, 3))

    assert icc((base + np.array([0.0, 2.0, 4.0]))[:, :, None])[0] < 0.4


def test_the_interval_holds_the_estimate_and_is_that_of_the_textbook() -> None:
    """Shrout and Fleiss 1979, table 2: six targets, four judges; ICC(2,1) 0.29 (0.02 to 0.76)."""
    ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)

    low, high = icc_interval(ratings[:, :, None])

    assert icc(ratings[:, :, None])[0] == pytest.approx(0.29, abs=0.005)
    assert (low[0], high[0]) == (pytest.approx(0.019, abs=0.001), pytest.approx(0.761, abs=0.001))


def test_readers_who_agree_wholly_have_an_interval_of_one() -> None:
    once = np.random.default_rng(0).standard_normal((9, 1, 2))

    low, high = icc_interval(np.repeat(once, 2, axis=1))

    np.testing.assert_array_equal([low, high], 1.0)
