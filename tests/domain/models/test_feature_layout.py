from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.models.feature_layout import FeatureLayout, LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS, Level


def layout(aggregation: LevelAggregation, *roles: SeriesRole) -> FeatureLayout:
    return FeatureLayout(
        roles=roles or (SeriesRole.CT,), levels=MEASURED_LEVELS, aggregation=aggregation, features=("a", "b")
    )


def test_concatenated_columns_run_over_role_then_level_then_feature() -> None:
    columns = layout(LevelAggregation.CONCATENATE, SeriesRole.T1W, SeriesRole.T2W).columns

    assert len(columns) == 16
    assert columns[:3] == ("T1w|L1|a", "T1w|L1|b", "T1w|L2|a")
    assert columns[8] == "T2w|L1|a"


def test_the_mean_runs_over_the_levels_present() -> None:
    values = {(SeriesRole.CT, Level.L1): np.array([1.0, 2.0]), (SeriesRole.CT, Level.L3): np.array([3.0, 6.0])}

    vector = layout(LevelAggregation.MEAN).vector(values)

    assert vector is not None
    np.testing.assert_array_equal(vector, [2.0, 4.0])


def test_a_missing_level_gets_the_mean_of_the_levels_present() -> None:
    values = {(SeriesRole.CT, level): np.array([number, 0.0]) for number, level in enumerate(MEASURED_LEVELS[:3])}

    vector = layout(LevelAggregation.CONCATENATE).vector(values)

    assert vector is not None
    np.testing.assert_array_equal(vector, [0, 0, 1, 0, 2, 0, 1, 0])


def test_a_level_with_a_value_that_is_no_number_counts_as_missing() -> None:
    values = {(SeriesRole.CT, level): np.array([1.0, 2.0]) for level in MEASURED_LEVELS}
    values[SeriesRole.CT, Level.L1] = np.array([np.nan, 100.0])

    vector = layout(LevelAggregation.MEAN).vector(values)

    assert vector is not None
    np.testing.assert_array_equal(vector, [1.0, 2.0])


@pytest.mark.parametrize("aggregation", list(LevelAggregation))
def test_one_level_in_one_series_is_too_few(aggregation: LevelAggregation) -> None:
    values = {(SeriesRole.T1W, level): np.zeros(2) for level in MEASURED_LEVELS}
    values[SeriesRole.T2W, Level.L1] = np.zeros(2)

    assert layout(aggregation, SeriesRole.T1W, SeriesRole.T2W).vector(values) is None


@given(st.sets(st.sampled_from(MEASURED_LEVELS), min_size=2), st.sampled_from(list(LevelAggregation)))
def test_a_vector_has_one_finite_number_for_each_column(present: set[Level], aggregation: LevelAggregation) -> None:
    order = layout(aggregation)

    vector = order.vector({(SeriesRole.CT, level): np.array([level.value, 1.0]) for level in present})

    assert vector is not None
    assert vector.shape == (len(order.columns),)
    assert np.isfinite(vector).all()
    assert vector.dtype == np.float64


def test_a_partial_layout_takes_what_other_levels_have_and_leaves_what_none_has() -> None:
    values = {(SeriesRole.CT, level): np.array([number, 1.0]) for number, level in enumerate(MEASURED_LEVELS)}
    values[SeriesRole.CT, Level.L1] = np.array([np.inf, np.nan])
    values[SeriesRole.CT, Level.L2] = np.array([np.nan, 5.0])
    nowhere = {place: np.array([row[0], np.nan]) for place, row in values.items()}
    partial = replace(layout(LevelAggregation.CONCATENATE), partial=True)

    vector, holes = partial.vector(values), partial.vector(nowhere)

    assert vector is not None
    assert holes is not None
    third = 7 / 3
    np.testing.assert_allclose(vector, [2.5, third, 2.5, 5, 2, 1, 3, 1])
    np.testing.assert_array_equal(np.isnan(holes), [False, True] * 4)
    assert partial.vector({place: np.full(2, np.nan) for place in values}) is None
