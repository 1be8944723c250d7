"""Intervals over patients who stand in several rows: copies add rows and no certainty."""

from __future__ import annotations

import numpy as np

from trabecula_training.statistics.clusters import Floats, cluster_intervals, weighted_rates
from trabecula_training.statistics.decision import rates


def made(copies: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forty patients, ``copies`` rows each; a quarter of them decided wrongly."""
    labels = np.tile(np.arange(40) % 2, copies)
    decisions = np.where(np.tile(np.arange(40) % 4 == 3, copies), 1 - labels, labels).astype(np.float64)
    return labels, decisions, np.tile(np.arange(40), copies)


def test_the_estimate_is_that_of_all_rows() -> None:
    labels, decisions, people = made(3)

    found = cluster_intervals(lambda weights: weighted_rates(weights, labels, decisions), people, 1, 200)

    wanted = rates(labels, decisions)
    given = [item.estimate for item in found]
    assert given == [wanted.sensitivity, wanted.specificity, wanted.ppv, wanted.npv, wanted.accuracy, wanted.f1]


def test_ten_copies_of_each_patient_give_the_interval_of_one() -> None:
    widths = []
    for copies in (1, 10):
        labels, decisions, people = made(copies)

        def accuracy(weights: Floats, labels: np.ndarray = labels, decisions: np.ndarray = decisions) -> Floats:
            return weighted_rates(weights, labels, decisions)[:, 4:5]

        (found,) = cluster_intervals(accuracy, people, 1, 1000)
        widths.append(found.high - found.low)

    assert widths[0] == widths[1]
    assert 0.2 < widths[0] < 0.35


def test_a_rate_that_most_samples_do_not_have_has_no_interval() -> None:
    labels, people = np.array([0, 0, 0, 1]), np.arange(4)

    found = cluster_intervals(lambda weights: weighted_rates(weights, labels, np.zeros(4)), people, 1, 200)

    assert np.isnan(found[2].low)
    assert found[1].estimate == 1.0
