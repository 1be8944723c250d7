"""The likelihood-ratio test: uniform where a column adds nothing, certain where it adds something."""

from __future__ import annotations

import numpy as np
import pytest

from trabecula_training.statistics.nested_models import likelihood_ratio, log_likelihood


def test_the_log_likelihood_of_an_intercept_is_that_of_the_prevalence() -> None:
    labels = np.repeat([0, 1], [30, 10])

    found = log_likelihood(labels, np.zeros((40, 0)))

    assert found == pytest.approx(30 * np.log(0.75) + 10 * np.log(0.25))


def test_a_column_of_noise_is_rarely_significant_and_a_true_one_nearly_always() -> None:
    generator = np.random.default_rng(5)
    noise, signal = [], []
    for _ in range(200):
        base = generator.normal(size=(80, 1))
        true = generator.normal(size=(80, 1))
        odds = base[:, 0] + 1.2 * true[:, 0]
        labels = (generator.random(80) < 1 / (1 + np.exp(-odds))).astype(np.int64)
        noise.append(likelihood_ratio(labels, base, generator.normal(size=(80, 1))).p_value < 0.05)
        signal.append(likelihood_ratio(labels, base, true).p_value < 0.05)

    assert 0.01 < np.mean(noise) < 0.11
    assert np.mean(signal) > 0.9


def test_what_stands_in_the_base_already_adds_nothing() -> None:
    generator = np.random.default_rng(6)
    base = generator.normal(size=(50, 2))
    labels = (base[:, 0] > 0).astype(np.int64)
    labels[:8] = 1 - labels[:8]

    found = likelihood_ratio(labels, base, base[:, :1])

    assert found.statistic == pytest.approx(0, abs=1e-4)
    assert found.degrees_of_freedom == 1
