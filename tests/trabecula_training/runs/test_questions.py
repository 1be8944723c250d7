"""What the studies ask: inputs in pairs, what a model adds, Table 1, stability over folds and scanners, formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trabecula_training.builders import made_cohort
from trabecula.domain.results.result import SeriesRole
from trabecula_training.evaluation.feature_stability import between_scanners, nogueira
from trabecula_training.recipes import radiomics_recipe
from trabecula_training.reporting.metrics_json import RunFiles, run_document
from trabecula_training.reporting.report import render_report
from trabecula_training.runs.run import RunSettings, TaskRun, run_recipe

MR = (SeriesRole.T1W, SeriesRole.T2W)


@pytest.fixture(scope="module")
def document() -> tuple[dict[str, object], tuple[TaskRun, ...], str]:
    """A run of the Radscore in which T1w knows the density, T2w is noise, and some patients lack T2w."""
    cohort, table = made_cohort(90, 6, 2, roles=MR, external=24, noise=0.3)
    of_t2 = np.array([role is SeriesRole.T2W for role in table.roles])
    table.values[of_t2, :2] = np.random.default_rng(1).normal(0, 1, (int(of_t2.sum()), 2))
    table = replace(table, names=(*table.names[:-1], "measure_vbq"))
    recipe = radiomics_recipe("radscore")
    settings = RunSettings(repeats=1, folds=3, resamples=100)
    runs = run_recipe(recipe, cohort, table, settings)
    files = RunFiles("cohort.csv", "features.npz", "trabecula-train run radscore")  # type: ignore[arg-type]
    made = run_document(recipe, settings, runs, cohort, table, files)
    return made, runs, render_report(recipe, made, runs)


def test_inputs_are_compared_in_pairs_on_the_same_people(document: tuple) -> None:  # type: ignore[type-arg]
    pairs = {(row["first"], row["second"]): row for row in document[0]["inputs"]}

    assert set(pairs) == {("T1+T2", "T1"), ("T1+T2", "T2"), ("T1", "T2")}
    row = pairs["T1", "T2"]
    assert row["n_patients"] == 66
    assert row["paired"]["low"] > 0
    assert row["paired"]["p_value"] < 0.01
    assert row["folds"]["mean"] > 0.2
    assert pairs["T1+T2", "T1"]["paired"]["p_value"] > 0.01


def test_what_a_model_adds_is_a_likelihood_ratio_and_never_delong(document: tuple) -> None:  # type: ignore[type-arg]
    t1, t2 = (next(item for item in document[0]["tasks"] if item["input"] == name) for name in ("T1", "T2"))

    added = {row["baseline"]: row for row in t1["added"]["LASSO"]}
    assert set(added) == {"age and sex", "OST", "VBQ", "age, sex and VBQ"}
    assert added["age and sex"]["likelihood"]["p_value"] < 0.001
    assert added["age and sex"]["brier"]["high"] < 0
    noise = {row["baseline"]: row for row in t2["added"]["LASSO"]}
    assert noise["age and sex"]["likelihood"]["p_value"] > 0.01
    assert set(noise) == {"age and sex", "OST"}


def test_the_classes_are_described_with_tests(document: tuple) -> None:  # type: ignore[type-arg]
    rows = {row["name"]: row for row in document[0]["tasks"][0]["characteristics"]}

    assert rows["QCT, mg/cm3"]["positive"]["mean"] < rows["QCT, mg/cm3"]["negative"]["mean"]
    assert rows["QCT, mg/cm3"]["p_value"] < 1e-6
    assert rows["women"]["share"]
    assert rows["women"]["p_value"] > 0.001


def test_the_formula_gives_the_score_of_the_final_model(document: tuple) -> None:  # type: ignore[type-arg]
    made, runs, page = document
    t1 = next(item for item in made["tasks"] if item["input"] == "T1")

    formula = t1["formulas"]["LASSO"]

    run = next(item for item in runs if item.input.name == "T1")
    features, columns = run.dataset.data.features, list(run.dataset.layout.columns)
    chosen = {row["column"] for row in t1["selection"]["LASSO"]["columns"] if row["folds"] == 1.0}
    assert chosen < set(columns)
    score = formula["intercept"] + sum(
        term["coefficient"] * (features[:, columns.index(term["column"])] - term["mean"]) / term["sd"]
        for term in formula["terms"]
    )
    labels = run.dataset.data.labels
    assert score[labels == 1].mean() > score[labels == 0].mean() + 0.1
    assert 0.2 < score.mean() < 0.8
    assert "Formula of LASSO" in page


def test_the_external_set_has_its_matrix_and_figures(document: tuple) -> None:  # type: ignore[type-arg]
    made, _, page = document
    external = made["tasks"][0]["external"]["LASSO"]

    assert sum(external["confusion"]["balanced"]) == external["n_patients"]
    assert "Decision curve, external set" in page
    assert "Calibration, external set" in page
    assert "probabilities" not in external
    matrix = made["tasks"][0]["evaluations"]["LASSO"]["confusion"]["balanced"]
    assert sum(matrix) == pytest.approx(made["tasks"][0]["patients"])


def test_stability_is_one_for_the_same_choice_and_none_by_chance() -> None:
    same = np.tile(np.arange(20) < 5, (6, 1))
    generator = np.random.default_rng(2)
    chance = np.stack([generator.permutation(np.arange(200) < 40) for _ in range(30)])

    assert nogueira(same) == pytest.approx(1.0)
    assert abs(nogueira(chance)) < 0.05


def test_a_feature_that_follows_the_scanner_is_told_and_one_that_follows_the_class_is_not() -> None:
    generator = np.random.default_rng(3)
    labels = np.arange(80) % 2
    scanners = ["A" if number % 4 < 2 else "B" for number in range(80)]
    of_scanner = np.array([name == "A" for name in scanners]) * 3.0 + generator.normal(size=80)
    of_class = labels * 3.0 + generator.normal(size=80)

    assert between_scanners(of_scanner, labels, scanners) > 0.5
    assert between_scanners(of_class, labels, scanners) < 0.1
    assert np.isnan(between_scanners(of_class, labels, ["A"] * 80))
