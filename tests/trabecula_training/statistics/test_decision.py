from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trabecula_training.statistics.decision import (
    DECISION_THRESHOLDS,
    choose_threshold,
    net_benefit,
    net_benefit_of_all,
    rates,
    youden,
)

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
ROWS = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=4, max_size=60).filter(
    lambda rows: 1 <= sum(label for label, _ in rows) < len(rows)
)


def arrays(rows: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows], dtype=np.int64), np.array([row[1] for row in rows])


@QUICK
@given(ROWS)
def test_the_rule_in_threshold_keeps_its_specificity(rows: list[tuple[int, float]]) -> None:
    labels, scores = arrays(rows)

    found = rates(labels, (scores >= choose_threshold("rule_in", labels, scores)).astype(float))

    assert found.specificity >= 0.9


@QUICK
@given(ROWS)
def test_the_balanced_threshold_reaches_the_largest_youden_index(rows: list[tuple[int, float]]) -> None:
    labels, scores = arrays([(label, round(score, 3)) for label, score in rows])

    found = rates(labels, (scores >= choose_threshold("balanced", labels, scores)).astype(float))

    assert found.sensitivity + found.specificity - 1 == pytest.approx(youden(labels, scores), abs=1e-12)


def test_rates_of_a_published_confusion_matrix() -> None:
    """Xue 2022, table 2, random forest, osteopenia against osteoporosis: TN 23, FP 9, FN 8, TP 40."""
    labels = np.repeat([0, 0, 1, 1], [23, 9, 8, 40]).astype(np.int64)
    decisions = np.repeat([0.0, 1.0, 0.0, 1.0], [23, 9, 8, 40])

    found = rates(labels, decisions)

    assert found.sensitivity == pytest.approx(0.833, abs=5e-4)
    assert found.specificity == pytest.approx(0.719, abs=5e-4)
    assert found.ppv == pytest.approx(0.816, abs=5e-4)
    assert found.accuracy == pytest.approx(0.788, abs=6e-4)
    assert found.f1 == pytest.approx(0.825, abs=5e-4)


def test_a_rate_without_a_denominator_is_not_a_number() -> None:
    found = rates(np.array([0, 0], dtype=np.int64), np.zeros(2))

    assert np.isnan(found.sensitivity)
    assert np.isnan(found.ppv)
    assert found.specificity == 1.0


def test_net_benefit_by_hand() -> None:
    labels = np.array([1, 1, 0, 0, 0], dtype=np.int64)
    probabilities = np.array([0.9, 0.3, 0.6, 0.1, 0.1])

    found = net_benefit(labels, probabilities, np.array([0.2, 0.5]))

    assert found == pytest.approx([2 / 5 - 1 / 5 * 0.25, 1 / 5 - 1 / 5])


def test_flagging_everybody_has_the_net_benefit_of_the_prevalence() -> None:
    labels = np.array([1, 0, 0, 0], dtype=np.int64)

    expected = 0.25 - 0.75 * DECISION_THRESHOLDS / (1 - DECISION_THRESHOLDS)

    assert net_benefit_of_all(labels) == pytest.approx(expected)


def test_an_unknown_operating_point_is_refused() -> None:
    with pytest.raises(KeyError):
        choose_threshold("rule_out", np.array([0, 1], dtype=np.int64), np.array([0.1, 0.9]))
