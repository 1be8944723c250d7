"""The ordinal form of a recipe, from two heads that were validated for real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trabecula_training.builders import made_cohort
from trabecula_training.cohort.labels import BoneCategory
from trabecula_training.recipes import radiomics_recipe
from trabecula_training.runs.ordinal import GRADE_NAMES, OrdinalRun, category_probabilities, ordinal_runs
from trabecula_training.runs.run import RunSettings, TaskRun, run_recipe

BOTH = ("osteoporosis", "abnormal_bone_density")


@pytest.fixture(scope="module")
def good() -> tuple[tuple[TaskRun, ...], OrdinalRun]:
    cohort, table = made_cohort(90, 6, 3, noise=0.3, seed=5)
    settings = RunSettings(tasks=BOTH, families=("KNN",), folds=2, repeats=1, resamples=100)
    found = run_recipe(radiomics_recipe("xue2022"), cohort, table, settings)
    return found, ordinal_runs(found, 1, 200)[0]


def test_a_clear_signal_is_graded_well_with_intervals(good: tuple[tuple[TaskRun, ...], OrdinalRun]) -> None:
    result = good[1].results[0]

    assert (good[1].input, result.name, result.n_patients) == ("CT", "KNN", 90)
    assert result.metrics["c_index"].estimate > 0.85
    assert result.metrics["kappa_quadratic"].estimate > 0.6
    for interval in result.metrics.values():
        assert interval.low <= interval.estimate <= interval.high
    assert result.pairs["osteoporosis > normal"].estimate > result.pairs["osteoporosis > low"].estimate


def test_the_table_holds_everybody_in_the_row_of_the_reference(
    good: tuple[tuple[TaskRun, ...], OrdinalRun],
) -> None:
    result = good[1].results[0]
    categories = [patient.category for patient in good[0][0].dataset.patients]

    wanted = [BoneCategory.NORMAL, BoneCategory.LOW, BoneCategory.OSTEOPOROSIS]
    assert [sum(row) for row in result.confusion] == [categories.count(category) for category in wanted]
    share = sum(result.confusion[grade][grade] for grade in range(3)) / 90
    assert result.metrics["exact"].estimate == pytest.approx(share)


def test_categories_are_calibrated_in_the_large(good: tuple[tuple[TaskRun, ...], OrdinalRun]) -> None:
    rows = good[1].results[0].calibration

    assert [row.category for row in rows] == list(GRADE_NAMES)
    assert sum(row.predicted for row in rows) == pytest.approx(1.0)
    assert sum(row.observed for row in rows) == pytest.approx(1.0)
    assert all(row.low <= row.predicted <= row.high for row in rows)


def test_the_comparators_grade_too(good: tuple[tuple[TaskRun, ...], OrdinalRun]) -> None:
    assert {"OST", "age and sex", "mean HU"} <= {result.name for result in good[1].results}
    assert "prevalence" not in {result.name for result in good[1].results}


def test_predictions_of_other_people_do_not_grade(good: tuple[tuple[TaskRun, ...], OrdinalRun]) -> None:
    mixed = np.random.default_rng(0).permutation(90)

    (result, *_) = ordinal_runs([with_rows(run, mixed) for run in good[0]], 1, 200)[0].results

    assert result.metrics["c_index"].low < 0.5 < result.metrics["c_index"].high
    assert abs(result.metrics["kappa_quadratic"].estimate) < 0.25


def with_rows(run: TaskRun, rows: np.ndarray) -> TaskRun:
    """The run with every patient holding the predictions of another."""
    found = {
        name: replace(
            result,
            probabilities=result.probabilities[:, rows],
            decisions={point: made[:, rows] for point, made in result.decisions.items()},
        )
        for name, result in run.results.items()
    }
    return replace(run, results=found)


def test_one_question_alone_has_no_ordinal_form(good: tuple[tuple[TaskRun, ...], OrdinalRun]) -> None:
    assert ordinal_runs(good[0][:1], 1, 200) == ()


def test_contradicting_heads_are_drawn_together() -> None:
    shares = category_probabilities(np.array([0.8, 0.3]), np.array([0.5, 0.5]))

    assert shares == pytest.approx(np.array([[0.2, 0.3, 0.5], [0.6, 0.0, 0.4]]))
    assert (shares >= 0).all()
