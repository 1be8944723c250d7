from __future__ import annotations

import math

import numpy as np
import pytest

from trabecula_training.statistics.association import cramers_v


def test_classes_that_tell_one_another_have_one_and_independent_ones_nothing() -> None:
    assert cramers_v(list("aabb") * 10, [0, 0, 1, 1] * 10) == pytest.approx(1.0)
    assert cramers_v(list("abab") * 10, [0, 0, 1, 1] * 10) == 0.0


def test_it_is_the_corrected_statistic_of_the_table() -> None:
    first, second = ["a"] * 30 + ["b"] * 30, [1] * 20 + [0] * 10 + [1] * 10 + [0] * 20
    phi = 60 * (20 * 20 - 10 * 10) ** 2 / (30**4) / 60 - 1 / 59
    least = 2 - 1 / 59 - 1

    assert cramers_v(first, second) == pytest.approx(math.sqrt(phi / least))


def test_by_chance_it_is_small_and_with_one_class_unknown() -> None:
    generator = np.random.default_rng(0)
    found = [cramers_v(generator.integers(0, 4, 50).tolist(), generator.integers(0, 2, 50).tolist()) for _ in range(50)]

    assert np.mean(found) < 0.12
    assert math.isnan(cramers_v(["a"] * 5, [0, 1, 0, 1, 0]))
