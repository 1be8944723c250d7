from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trabecula_training.builders import made_cohort
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.decision import corrected_hu
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import ContrastPhase
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
from trabecula_training.learning.dataset import at_120_kvp, make_dataset, usable_layout
from trabecula_training.learning.noise import NoiseSize, noise
from trabecula_training.learning.recipe import PaperCohort, StudyPart
from trabecula_training.learning.sample_size import independent_columns, sample_size
from trabecula_training.recipes import RADIOMICS_RECIPES, radiomics_recipe
from trabecula_training.reporting.published import RATES, published_for, published_results
from trabecula_training.statistics.roc import delong_interval


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


@pytest.mark.parametrize("name", sorted(RADIOMICS_RECIPES))
def test_paper_mode_uses_no_class_weights_and_nothing_chosen_by_its_result(name: str) -> None:
    for family in radiomics_recipe(name).families:
        made = family.published.make(1)
        assert getattr(made, "class_weight", None) is None
        if name != "radscore":
            plain = type(made)().get_params()
            differing = {key for key, value in made.get_params().items() if plain[key] != value}
            assert differing <= {"random_state", "n_jobs", "max_iter", "algorithm"}


def test_ten_splits_of_the_same_people_are_not_ten_samples() -> None:
    recipe = radiomics_recipe("jiang2026")
    features, labels = noise(NoiseSize(30, 66, 200), 4)

    outcome = recipe.paper(PaperCohort(features, labels), recipe.family("KNN"), 4)

    part = outcome.parts[StudyPart.INTERNAL]
    assert part.auc.low < part.auc.estimate < part.auc.high
    assert part.auc.estimate - part.auc.low == pytest.approx(part.auc.high - part.auc.estimate) or part.auc.high == 1.0
    as_if_independent = delong_interval(part.labels, part.scores)
    assert part.auc.high - part.auc.low > as_if_independent.high - as_if_independent.low
    assert len(part.labels) == 290
    assert len(np.unique(part.people)) == 95


def test_the_radscore_has_its_own_training_validation_and_external_part() -> None:
    recipe = radiomics_recipe("radscore")
    features, labels = noise(NoiseSize(60, 60, 40), 5)
    features[:, :3] += labels[:, None]
    outside = features[:40] - 2 * labels[:40, None] * (np.arange(40) < 3), labels[:40]

    outcome = recipe.paper(PaperCohort(features, labels, outside), recipe.family("LASSO"), 5)

    assert [len(part.labels) for part in outcome.parts.values()] == [84, 36, 40]
    assert list(outcome.parts) == [StudyPart.TRAINING, StudyPart.INTERNAL, StudyPart.EXTERNAL]
    assert len({part.auc.estimate for part in outcome.parts.values()}) == 3


def test_mean_hu_is_compared_as_the_service_compares_it() -> None:
    _, table = made_cohort(6, 2, 1)
    facts = dict(table.facts)
    for patient, kvp, phase in (("p000", 100.0, "NATIVE"), ("p001", 120.0, "VENOUS"), ("p002", 80.0, "NATIVE")):
        facts[patient, SeriesRole.CT] = {"kvp": kvp, "contrast_phase": phase}
    raw = table.measure("hu", SeriesRole.CT)

    given = at_120_kvp(raw, replace(table, facts=facts))

    limits = load_thresholds(None).attenuation
    assert given["p000"] == corrected_hu(raw["p000"], 100.0, ContrastPhase.NATIVE, limits)
    assert given["p000"] < raw["p000"]
    assert given["p001"] < raw["p001"]
    assert "p002" not in given
    assert given["p003"] == pytest.approx(raw["p003"], abs=1e-3)
    assert set(at_120_kvp(raw, replace(table, facts={}))) == set(raw)


def test_a_part_of_a_study_has_its_own_row_beside_it() -> None:
    rows = [(row.part, row.kind) for row in published_for("radscore")]

    assert ("external", StudyPart.EXTERNAL) in rows
    assert ("training", StudyPart.TRAINING) in rows
    assert ("validation", StudyPart.INTERNAL) in rows


def test_a_printed_matrix_gives_the_printed_rates() -> None:
    """Every number of Xue's table follows from its matrix, F1 as the mean of both classes weighted by their patients;
    of the Radscore's rates those of whole patients."""
    checked, others = 0, []
    for row in published_results():
        if row.confusion:
            tn, fp, fn, tp = row.confusion
            n = tn + fp + fn + tp
            weighted = ((fn + tp) * 2 * tp / (2 * tp + fp + fn) + (tn + fp) * 2 * tn / (2 * tn + fp + fn)) / n
            wanted = (tp / (tp + fn), tn / (tn + fp), (tp + tn) / n, tp / (tp + fp), weighted)
        elif row.recipe == "radscore":
            sick, well = {"training": (62, 50), "validation": (24, 24), "external": (17, 18)}[row.part]
            tp, tn = (round(float(row.rates[name]) * size) for name, size in zip(RATES, (sick, well), strict=False))
            wanted = (tp / sick, tn / well, (tp + tn) / (sick + well))
        else:
            continue
        for name, value in zip(RATES, wanted, strict=False):
            digits = len(row.rates[name].partition(".")[2])
            if float(row.rates[name]) != pytest.approx(value, abs=0.6 * 10**-digits):
                others.append((row.input, row.part, name, row.note))
        checked += 1
    assert checked == 16
    told = "sensitivity and specificity give 85 of 112 right, an accuracy of 0.759"
    assert others == [("T1", "training", "accuracy", told)]


def test_what_text_and_table_say_differently_is_told() -> None:
    notes = {(row.model, row.task): row.note for row in published_for("xue2022")}

    assert "0.940 (0.891 to 0.989)" in notes["RF", "normal_vs_osteopenia"]
    assert "0.870" in notes["RF", "osteopenia_vs_osteoporosis"]
    assert [row.hosmer_lemeshow_p for row in published_for("radscore") if row.hosmer_lemeshow_p] == ["0.93", "0.57"]


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
    assert all(row.source and 0.5 < float(row.auc) < 1 for row in published_results())
    assert all(entry["source"] for entry in reference_limits().values())


def test_the_published_auc_of_the_image_study_is_the_mean_of_its_two_rates() -> None:
    for row in published_for("b4_2026"):
        rates = [float(row.rates[name].removesuffix(" %")) / 100 for name in ("sensitivity", "specificity")]
        assert float(row.auc) == pytest.approx(sum(rates) / 2, abs=0.001)


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
    assert set(dataset.comparators.sets) == {"age and sex", "OST", "mean HU", "age, sex and mean HU"}


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
