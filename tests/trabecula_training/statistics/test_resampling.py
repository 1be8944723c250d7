from __future__ import annotations

import numpy as np
import pytest

from trabecula.domain.models.bundle import Interval
from trabecula_training.statistics.resampling import nadeau_bengio, widest


def test_the_corrected_test_by_hand() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.2])

    found = nadeau_bengio(values, test_fraction=0.2)

    assert found.mean == pytest.approx(0.2)
    assert found.standard_error == pytest.approx(np.sqrt(values.var(ddof=1) * (0.25 + 0.25)))
    assert found.low < 0.2 < found.high


def test_many_folds_do_not_shrink_the_error_below_that_of_the_shared_data() -> None:
    generator = np.random.default_rng(0)
    few, many = generator.normal(0.1, 0.05, 5), generator.normal(0.1, 0.05, 500)

    assert nadeau_bengio(many, 0.2).standard_error > 0.02
    assert nadeau_bengio(few, 0.2).p_value > nadeau_bengio(many, 0.2).p_value


def test_folds_that_all_agree_leave_no_doubt() -> None:
    assert nadeau_bengio(np.zeros(5), 0.2).p_value == 1.0
    assert nadeau_bengio(np.ones(5), 0.2).p_value == 0.0


def test_one_fold_has_no_test() -> None:
    with pytest.raises(ValueError, match="two folds"):
        nadeau_bengio(np.array([0.1]), 0.2)


def test_the_widest_interval_is_taken_around_the_estimate_and_cut() -> None:
    found = widest(0.9, Interval(0.9, 0.8, 1.0, "DeLong"), Interval(0.85, 0.55, 1.15, "Nadeau-Bengio"))

    assert (found.estimate, found.low, found.high) == pytest.approx((0.9, 0.6, 1.0))
    assert found.method == "Nadeau-Bengio"
