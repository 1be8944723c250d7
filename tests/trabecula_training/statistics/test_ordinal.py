from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from trabecula_training.statistics.ordinal import (
    concordance,
    confusion,
    ranked_probability_score,
    sample_weights,
    weighted_kappa,
    wilson,
)

grades = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=6, max_size=40)


def everybody(patients: int) -> np.ndarray:
    return np.ones((1, patients))


@given(grades)
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    reference = np.array([pair[0] for pair in pairs], dtype=np.int64)
    found = np.array([pair[1] for pair in pairs], dtype=np.int64)

    for power, name in ((1, "linear"), (2, "quadratic")):
        ours = weighted_kappa(everybody(len(pairs)), reference, found, 3, power)[0]
        if len(set(reference.tolist() + found.tolist())) > 1:
            expected = cohen_kappa_score(reference, found, labels=[0, 1, 2], weights=name)
            assert ours == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_concordance_of_two_grades_is_the_auc() -> None:
    generator = np.random.default_rng(0)
    reference = generator.integers(0, 2, 60)
    scores = np.round(generator.normal(reference, 1.0), 1)

    assert concordance(everybody(60), reference, scores)[0] == pytest.approx(roc_auc_score(reference, scores))


def test_concordance_is_the_share_of_rightly_ordered_pairs() -> None:
    generator = np.random.default_rng(1)
    reference = generator.integers(0, 3, 40)
    scores = generator.normal(reference, 1.5)
    pairs = [(i, j) for i in range(40) for j in range(40) if reference[i] > reference[j]]

    found = concordance(everybody(40), reference, scores)[0]

    assert found == pytest.approx(np.mean([scores[i] > scores[j] for i, j in pairs]))
    assert concordance(everybody(40), reference, reference * 2.0)[0] == 1.0
    assert concordance(everybody(40), reference, np.zeros(40))[0] == 0.5


def test_a_sample_as_weights_is_the_sample_itself() -> None:
    generator = np.random.default_rng(2)
    reference, found = generator.integers(0, 3, 30), generator.integers(0, 3, 30)
    scores = generator.normal(reference, 1.0)
    index = generator.integers(0, 30, (20, 30))
    weights = sample_weights(index, 30)

    for number, row in enumerate(index):
        one = everybody(30)
        assert concordance(weights, reference, scores)[number] == pytest.approx(
            concordance(one, reference[row], scores[row])[0]
        )
        assert weighted_kappa(weights, reference, found, 3, 2)[number] == pytest.approx(
            weighted_kappa(one, reference[row], found[row], 3, 2)[0]
        )


def test_the_ranked_probability_score_is_the_mean_brier_score_of_the_cuts() -> None:
    generator = np.random.default_rng(3)
    reference = generator.integers(0, 3, 25)
    shares = generator.dirichlet((1, 1, 1), 25)
    cuts = [np.mean((shares[:, cut:].sum(axis=1) - (reference >= cut)) ** 2) for cut in (1, 2)]

    assert ranked_probability_score(everybody(25), reference, shares)[0] == pytest.approx(np.mean(cuts))
    assert ranked_probability_score(everybody(25), reference, np.eye(3)[reference])[0] == 0.0


def test_the_confusion_table_counts_reference_by_row() -> None:
    table = confusion(np.array([0, 0, 2]), np.array([1, 0, 2]), 3)

    assert table.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_without_anything_to_disagree_there_is_no_kappa() -> None:
    same = np.ones(5, dtype=np.int64)

    assert np.isnan(weighted_kappa(everybody(5), same, same, 3, 2)[0])
    assert np.isnan(concordance(everybody(5), same, np.arange(5.0))[0])


@given(st.integers(0, 50), st.integers(1, 50))
def test_the_interval_of_a_share_is_wilsons(count: int, more: int) -> None:
    total = count + more
    reference = stats.binomtest(count, total).proportion_ci(method="wilson")

    assert wilson(count, total) == pytest.approx((reference.low, reference.high), abs=1e-9)
    assert wilson(0, 0) == (0.0, 1.0)
