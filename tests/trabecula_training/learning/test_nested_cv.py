from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trabecula_training.evaluation.metrics import compare, discrimination, evaluate
from trabecula_training.learning.baselines import NO_COMPARATORS, PREVALENCE, Comparators, clinical_comparators, ost
from trabecula_training.learning.calibrators import Isotonic, Platt, fit_calibrator
from trabecula_training.learning.classifiers import knn, logistic
from trabecula_training.learning.fold_store import FoldStore, fold_store
from trabecula_training.learning.nested_cv import NestedPlan, nested_cross_validation
from trabecula_training.learning.noise import NoiseSize, noise
from trabecula_training.learning.selection import Columns, Floats, Labels, columns_of, univariate, z_scored
from trabecula_training.learning.splits import Split, one_site_out, stratified_by_patient
from trabecula_training.learning.tuning import TrainingSet, tune_and_fit
from trabecula_training.recipes import radiomics_recipe


def best_five(features: Floats, labels: Labels, seed: int) -> Columns:
    varies, scores = z_scored(features)
    return columns_of(features, varies[univariate(scores, labels, 0.05, at_least=5, at_most=5)])


def training_set(signal: float, seed: int = 0) -> TrainingSet:
    features, labels = noise(NoiseSize(30, 34, 40), seed)
    features[:, :3] += signal * labels[:, None]
    return TrainingSet(features, labels, tuple(f"p{number}" for number in range(64)))


PLAN = NestedPlan(
    prepare=best_five, families=(logistic(1.0, 0.1), knn(5, 9)), comparators=NO_COMPARATORS, folds=4, repeats=2, seed=7
)


def test_no_patient_stands_on_both_sides_and_all_rows_are_tested_once() -> None:
    patients = [f"p{number // 2}" for number in range(60)]
    labels = np.array([(number // 2) % 2 for number in range(60)], dtype=np.int64)

    splits = stratified_by_patient(labels, patients, folds=5, repeats=2, seed=1)

    assert len(splits) == 10
    for split in splits:
        assert not {patients[i] for i in split.train} & {patients[i] for i in split.test}
    for repeat in (0, 1):
        tested = np.concatenate([split.test for split in splits if split.repeat == repeat])
        assert sorted(tested) == list(range(60))


def test_every_site_with_both_classes_is_left_out_once() -> None:
    sites = ["a"] * 10 + ["b"] * 10 + ["c"] * 5
    labels = np.array([0, 1] * 10 + [0] * 5, dtype=np.int64)

    found = one_site_out(sites, labels)

    assert sorted(found) == ["a", "b"]
    assert found["a"].test.tolist() == list(range(10))
    assert one_site_out(["a"] * 4, np.array([0, 1, 0, 1], dtype=np.int64)) == {}


def test_a_real_signal_is_found_and_calibrated() -> None:
    result = nested_cross_validation(training_set(1.0), PLAN)["LR"]

    found = evaluate(result, seed=1, resamples=200)

    assert found.metrics["auc"].low > 0.6
    assert found.metrics["brier"].estimate < 0.22
    assert found.points["rule_in"]["specificity"].estimate > 0.75
    assert {fold.candidate for fold in result.folds} <= {"C=1", "C=0.1"}
    assert result.ranks.shape == (2, 64)
    assert np.all((result.ranks > 0) & (result.ranks < 1))


def test_the_same_seed_gives_the_same_result_in_any_number_of_processes() -> None:
    data = training_set(0.5)

    alone = nested_cross_validation(data, PLAN)
    together = nested_cross_validation(data, replace(PLAN, processes=2))

    for name in alone:
        np.testing.assert_array_equal(alone[name].probabilities, together[name].probabilities)


def test_labels_of_test_patients_have_no_influence_on_their_scores() -> None:
    data = training_set(0.5)
    first = nested_cross_validation(data, replace(PLAN, repeats=1))["LR"].folds[0]
    test = first.split.test
    turned = data.labels.copy()
    pair = [test[turned[test] == 1][0], test[turned[test] == 0][0]]
    turned[pair] = turned[pair[::-1]]

    models = tune_and_fit(
        TrainingSet(data.features, turned, data.patients).rows(first.split.train), best_five, PLAN.families, PLAN.seed
    )

    np.testing.assert_array_equal(models["LR"].scores(data.features[test]), first.scores)


def test_baselines_run_in_the_same_folds_and_are_compared() -> None:
    data = training_set(1.0)
    generator = np.random.default_rng(2)
    age = 60 + 8 * data.labels + generator.normal(0, 6, 64)
    comparators = clinical_comparators(age, np.ones(64), np.full(64, np.nan), {"mean HU": np.full(64, np.nan)})

    results = nested_cross_validation(data, replace(PLAN, comparators=comparators, families=(logistic(1.0),)))

    assert set(results) == {"LR", PREVALENCE, "age and sex", "LR + age and sex"}
    assert discrimination(results["age and sex"]).estimate > 0.6
    assert discrimination(results[PREVALENCE]).estimate == 0.5
    comparison = compare(results["LR"], results["age and sex"])
    assert comparison.paired.low < comparison.paired.difference < comparison.paired.high


def test_ost_is_its_formula() -> None:
    assert ost(np.array([60.0]), np.array([70.0])) == pytest.approx([-2.0])


def test_few_patients_are_calibrated_by_platt_and_many_by_isotonic_regression() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(0, 1, 600)
    labels = (generator.random(600) < 1 / (1 + np.exp(-2 * scores))).astype(np.int64)

    few, many = fit_calibrator(labels[:300], scores[:300]), fit_calibrator(labels, scores)

    assert isinstance(few, Platt)
    assert few.slope == pytest.approx(2.0, abs=0.5)
    assert isinstance(many, Isotonic)
    assert np.all(np.diff(many.at) > 0)
    assert np.all(np.diff(many.probability) >= 0)


def test_calibration_cannot_turn_the_ranks() -> None:
    labels = np.tile([0, 1], 30).astype(np.int64)

    upside_down = fit_calibrator(labels, -labels + np.random.default_rng(0).normal(0, 0.1, 60))

    assert isinstance(upside_down, Platt)
    assert upside_down.slope == 0
    assert upside_down.probabilities(np.array([0.0])) == pytest.approx([0.5])


def test_a_run_that_was_killed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    features, labels = noise(NoiseSize(30, 30, 12), 3)
    data = TrainingSet(features, labels, tuple(f"p{number}" for number in range(60)))
    recipe = radiomics_recipe("jiang2026")

    def plan(store: FoldStore | None) -> NestedPlan:
        family = recipe.family("KNN")
        return NestedPlan(
            prepare=recipe.prepare,
            families=(family,),
            comparators=Comparators({"x": features[:, :1]}, {}),
            folds=3,
            repeats=2,
            store=store,
        )

    whole = nested_cross_validation(data, plan(None))
    store = fold_store(tmp_path, data, {"recipe": "jiang2026"})
    done: list[Split] = []

    def killed(split: Split) -> None:
        done.append(split)
        if len(done) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nested_cross_validation(data, plan(store), killed)
    assert len(list(tmp_path.iterdir())) == 4
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    resumed = nested_cross_validation(data, plan(store))

    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(tmp_path.iterdir())) == 6
    for name, result in whole.items():
        np.testing.assert_array_equal(resumed[name].ranks, result.ranks)
        np.testing.assert_array_equal(resumed[name].probabilities, result.probabilities)
        np.testing.assert_array_equal(resumed[name].decisions["balanced"], result.decisions["balanced"])
        assert [fold.columns for fold in resumed[name].folds] == [fold.columns for fold in result.folds]
    other = fold_store(tmp_path, replace(data, labels=1 - labels), {"recipe": "jiang2026"})
    assert other.find(done[0]) is None
    next(iter(kept)).write_bytes(b"damaged")
    nested_cross_validation(data, plan(store))
