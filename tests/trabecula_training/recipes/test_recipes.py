from __future__ import annotations

import numpy as np
import pytest

from tests.trabecula_training.builders import made_cohort
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula_training.cohort.labels import (
    ABNORMAL,
    LOW_VS_OSTEOPOROSIS,
    OSTEOPOROSIS,
    BoneCategory,
    category_by_qct,
    category_by_t_score,
    category_by_z_score,
    reference_limits,
    t_score_counts,
)
from trabecula_training.errors import FeatureTableInvalid, RecipeUnknown
from trabecula_training.learning.dataset import make_dataset, usable_layout
from trabecula_training.learning.noise import NoiseSize, noise
from trabecula_training.learning.sample_size import independent_columns, sample_size
from trabecula_training.recipes import RADIOMICS_RECIPES, radiomics_recipe
from trabecula_training.reporting.published import published_for, published_results


@pytest.mark.parametrize("name", sorted(RADIOMICS_RECIPES))
def test_a_recipe_selects_some_columns_and_never_a_constant_one(name: str) -> None:
    recipe = radiomics_recipe(name)
    features, labels = noise(NoiseSize(30, 32, 120), 1)
    features[:, :2] += 1.5 * labels[:, None]
    features[:, 7] = 3.0

    columns = recipe.prepare(features, labels, 1)

    assert {0, 1} & set(columns.index.tolist())
    assert 7 not in columns.index
    assert len(set(columns.index.tolist())) == len(columns.index)
    assert np.all(columns.sd > 0)


@pytest.mark.parametrize("name", sorted(RADIOMICS_RECIPES))
def test_a_recipe_names_its_own_parts(name: str) -> None:
    recipe = radiomics_recipe(name)
    item, task, family = recipe.headline

    assert recipe.input(item).roles
    assert recipe.task(task).name == task
    assert recipe.family(family).candidates
    assert recipe.assumptions
    assert recipe.faults


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(RecipeUnknown) as caught:
        radiomics_recipe("nobody2030")

    assert caught.value.code == "RECIPE_UNKNOWN"
    assert "No recipe has this name" in caught.value.sentence
    assert "trabecula-train run --help" in caught.value.next_step


def test_published_rows_belong_to_parts_of_the_recipes() -> None:
    for name, recipe in RADIOMICS_RECIPES.items():
        rows = published_for(name)
        assert rows
        for row in rows:
            assert recipe.input(row.input)
            assert recipe.task(row.task)
            assert recipe.family(row.model)
    assert all(row.source and 0.5 < row.auc < 1 for row in published_results())
    assert all(entry["source"] for entry in reference_limits().values())


def test_the_published_auc_of_the_image_study_is_the_mean_of_its_two_rates() -> None:
    for row in published_for("b4_2026"):
        assert row.sensitivity is not None
        assert row.specificity is not None
        assert row.auc == pytest.approx((row.sensitivity + row.specificity) / 2, abs=0.001)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        (category_by_qct(79.9), BoneCategory.OSTEOPOROSIS),
        (category_by_qct(80.0), BoneCategory.LOW),
        (category_by_qct(120.0), BoneCategory.LOW),
        (category_by_qct(120.1), BoneCategory.NORMAL),
        (category_by_t_score(-2.5), BoneCategory.OSTEOPOROSIS),
        (category_by_t_score(-2.4), BoneCategory.LOW),
        (category_by_t_score(-1.0), BoneCategory.NORMAL),
        (category_by_z_score(-2.0), BoneCategory.BELOW_EXPECTED),
        (category_by_z_score(-1.9), BoneCategory.NORMAL),
    ],
)
def test_categories_at_their_limits(category: BoneCategory, expected: BoneCategory) -> None:
    assert category is expected


def test_t_scores_count_after_menopause_and_for_men_from_50() -> None:
    assert t_score_counts("F", 45, True)
    assert not t_score_counts("F", 55, False)
    assert t_score_counts("F", 55, None)
    assert not t_score_counts("M", 49.9, None)
    assert t_score_counts("M", 50, None)


def test_tasks_label_their_categories() -> None:
    assert OSTEOPOROSIS.label(BoneCategory.LOW) == 0
    assert ABNORMAL.label(BoneCategory.LOW) == 1
    assert LOW_VS_OSTEOPOROSIS.label(BoneCategory.NORMAL) is None
    assert not LOW_VS_OSTEOPOROSIS.deployable


def test_unstable_and_not_finite_features_are_dropped_without_a_label() -> None:
    cohort, table = made_cohort(30, 4, 1)
    role = table.roles[0]
    table.values[:20, 1] = np.nan
    bounds = np.array([0.9, 0.9, 0.5, 0.9, 0.9])
    table = type(table)(**{**vars(table), "stability": {role: bounds}})

    layout, dropped = usable_layout(table, [role], LevelAggregation.MEAN)
    dataset = make_dataset(cohort, table, layout, OSTEOPOROSIS, dropped)

    assert dropped == ("original_feature_1", "original_feature_2")
    assert layout.features == ("original_feature_0", "original_feature_3")
    assert dataset.data.features.shape == (30, 2)
    assert set(dataset.comparators.sets) == {"age and sex", "OST", "mean HU"}


def test_a_table_without_the_series_is_refused() -> None:
    _, table = made_cohort(5, 4, 1)

    with pytest.raises(FeatureTableInvalid, match="holds no rows of T1w"):
        usable_layout(table, radiomics_recipe("jiang2026").input("T1").roles, LevelAggregation.MEAN)


def test_patients_who_take_no_part_are_named_with_the_reason() -> None:
    cohort, table = made_cohort(40, 4, 1)
    layout, _ = usable_layout(table, [table.roles[0]], LevelAggregation.CONCATENATE)

    dataset = make_dataset(cohort, table, layout, LOW_VS_OSTEOPOROSIS)

    assert len(dataset.patients) + len(dataset.left_out) == 40
    assert all(reason == "normal takes no part in osteopenia_vs_osteoporosis" for _, reason in dataset.left_out)


def test_the_sample_size_guard_counts_events_and_clusters() -> None:
    features, labels = noise(NoiseSize(60, 70, 5), 0)
    doubled = np.concatenate([features, features * 2 + 1], axis=1)

    assert independent_columns(doubled) == 5
    assert sample_size(doubled, labels).shortfalls == ()
    assert "events per candidate parameter (5" in sample_size(doubled[:80], labels[:80]).shortfalls[-1]
    assert "40 events, fewer than 50" in sample_size(features, np.repeat([0, 1], [90, 40])).shortfalls[0]
