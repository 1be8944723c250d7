"""Imputation and ComBat: learned from training patients alone, exported as they are, silent on unknown scanners."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from combatlearn import ComBat
from sklearn.impute import KNNImputer

from tests.trabecula_training.builders import made_cohort
from trabecula.domain.models.conditioning import Batch, Covariate, Imputation
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cohort.labels import ABNORMAL
from trabecula_training.cohort.table import Cohort, Part
from trabecula_training.errors import CombatMissing
from trabecula_training.export.onnx_graph import build_graph
from trabecula_training.export.parity import parity_difference
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.classifiers import knn, logistic
from trabecula_training.learning.conditioning.combat import fit_combat
from trabecula_training.learning.conditioning.imputation import NEIGHBOURS, fit_imputer
from trabecula_training.learning.conditioning.plan import ConditioningChoice, choice_of
from trabecula_training.learning.dataset import WITHHELD, Dataset, make_dataset, usable_layout
from trabecula_training.learning.selection import Columns, Floats, Labels, columns_of
from trabecula_training.learning.splits import stratified_by_patient
from trabecula_training.learning.tuning import FittedModel, TrainingSet, tune_and_fit

BY_SCANNER = ConditioningChoice(
    impute=Imputation.MEDIAN, batch=Batch.SCANNER, covariates=(Covariate.AGE, Covariate.SEX)
)


def with_scanner_effect(seed: int = 3) -> tuple[Cohort, FeatureTable]:
    """Scanner A multiplies every feature by two and adds 500; one value in fifty is missing."""
    cohort, table = made_cohort(60, 10, 3, seed=seed)
    scanner = {patient.patient: patient.scanner for patient in cohort.patients}
    values = table.values.copy()
    of_a = np.array([scanner[name] == "A" for name in table.patients])
    values[of_a, :-1] = 2 * values[of_a, :-1] + 500
    values[:, :-1][np.random.default_rng(seed).random((len(values), 10)) < 0.02] = np.nan
    values[:4, 2] = np.nan  # no level of the first patient has the third feature
    return cohort, replace(table, values=values)


def made(choice: ConditioningChoice, seed: int = 3) -> Dataset:
    cohort, table = with_scanner_effect(seed)
    layout, dropped = usable_layout(table, [SeriesRole.CT], LevelAggregation.CONCATENATE, impute=choice.impute)
    return make_dataset(cohort.part(Part.DEVELOPMENT), table, layout, ABNORMAL, dropped, choice)


def first_twelve(features: Floats, labels: Labels, seed: int) -> Columns:
    return columns_of(features, np.arange(12))


def fitted(data: TrainingSet) -> FittedModel:
    return tune_and_fit(data, first_twelve, [logistic(1.0)], 1)["LR"]


def test_combat_gives_what_the_library_gives_and_takes_the_scanner_out() -> None:
    generator = np.random.default_rng(1)
    batches = np.repeat([0, 1, 2], [20, 15, 12]).astype(np.int64)
    age, female = generator.normal(65, 9, 47), generator.integers(0, 2, 47).astype(float)
    features = generator.standard_normal((47, 8)) * 3 + 0.1 * age[:, None] + batches[:, None] * 4.0
    covariates = np.column_stack([age, female])

    harmonised = fit_combat(features, batches, covariates, 3).apply(features, batches, covariates)

    scaled = pd.DataFrame((features - features.mean(axis=0)) / features.std(axis=0))
    library = ComBat(pd.Series(batches.astype(str)), continuous_covariates=pd.DataFrame(covariates), method="fortin")
    wanted = library.fit(scaled).transform(scaled).to_numpy() * features.std(axis=0) + features.mean(axis=0)
    np.testing.assert_allclose(harmonised, wanted, atol=1e-9)
    means = np.array([harmonised[batches == batch].mean() for batch in range(3)])
    assert np.ptp(means) < 0.2 * np.ptp([features[batches == batch].mean() for batch in range(3)])


def test_features_of_any_size_are_harmonised_alike_and_constant_ones_left_alone() -> None:
    generator = np.random.default_rng(2)
    batches = np.tile([0, 1], 15).astype(np.int64)
    features = generator.standard_normal((30, 5)) + batches[:, None]
    sizes = np.array([1e-9, 1.0, 1e9, 1.0, 1.0])
    features[:, 3] = 7.0
    features[:, 4] = 3.0 + batches  # differs between the scanners and not within them
    nobody = np.zeros((30, 0))

    plain = fit_combat(features, batches, nobody, 2).apply(features, batches, nobody)
    sized = fit_combat(features * sizes, batches, nobody, 2).apply(features * sizes, batches, nobody)

    np.testing.assert_allclose(sized / sizes, plain, rtol=1e-6)
    np.testing.assert_array_equal(plain[:, 3:], features[:, 3:])


def test_a_scanner_that_was_not_in_the_fit_gets_nothing() -> None:
    features = np.random.default_rng(3).standard_normal((20, 4))
    batches = np.repeat([0, 1], 10).astype(np.int64)
    combat = fit_combat(features, batches, np.zeros((20, 0)), 3)

    made_ = combat.apply(features[:2], np.array([0, 2]), np.zeros((2, 0)))

    assert np.isfinite(made_[0]).all()
    assert np.isnan(made_[1]).all()


@pytest.mark.parametrize("kind", [Imputation.MEDIAN, Imputation.KNN])
def test_what_is_missing_is_filled_as_scikit_learn_fills_it(kind: Imputation) -> None:
    generator = np.random.default_rng(4)
    train, test = generator.standard_normal((30, 6)) * [1, 10, 100, 1, 1, 1], generator.standard_normal((5, 6))
    train[generator.random(train.shape) < 0.1] = np.nan
    test[0, 0] = test[1, 2] = test[1, 3] = np.nan
    imputer = fit_imputer(kind, train)
    assert imputer is not None

    filled = imputer.apply(test)

    if kind is Imputation.MEDIAN:
        wanted = np.where(np.isnan(test), np.nanmedian(train, axis=0), test)
    else:
        mean, sd = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
        library = KNNImputer(n_neighbors=NEIGHBOURS).fit((train - mean) / sd)
        wanted = library.transform((test - mean) / sd) * sd + mean
    np.testing.assert_allclose(filled, wanted)
    assert fit_imputer(Imputation.NONE, train) is None


def test_other_levels_of_the_same_patient_come_first_and_nobody_is_lost() -> None:
    filled, dropped = made(ConditioningChoice(impute=Imputation.MEDIAN)), made(ConditioningChoice())

    assert len(filled.patients) == 60
    assert len(dropped.patients) < 60
    assert np.isnan(filled.data.features).sum() == 4  # one feature of one patient, at four levels
    assert np.isnan(filled.data.features[0]).sum() == 4


def test_labels_and_test_patients_change_nothing_that_is_learned() -> None:
    data = made(BY_SCANNER).data
    split = stratified_by_patient(data.labels, data.patients, 5, 1, 1, data.strata)[0]
    others = data.features.copy()
    others[split.test, :10] += 1000

    first = data.rows(split.train).fitted_conditioning()
    second = replace(data, features=others, labels=1 - data.labels).rows(split.train).fitted_conditioning()

    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.apply(data.features), second.apply(data.features))


def test_every_scanner_is_in_every_fit() -> None:
    data = made(BY_SCANNER).data
    plan = data.conditioning
    assert plan is not None
    for outer in stratified_by_patient(data.labels, data.patients, 5, 2, 7, data.strata):
        train = data.rows(outer.train)
        assert not {data.patients[place] for place in outer.test} & set(train.patients)
        for inner in stratified_by_patient(train.labels, train.patients, 5, 1, 7, train.strata):
            counts = np.bincount(plan.numbers_of(train.features[inner.train]), minlength=2)
            assert counts.min() >= 2


def test_a_rare_or_unnamed_scanner_is_withheld_and_counted() -> None:
    cohort, table = with_scanner_effect()
    people = list(cohort.patients)
    people[0] = replace(people[0], scanner="")
    people[1:4] = [replace(patient, scanner="C") for patient in people[1:4]]
    layout, dropped = usable_layout(table, [SeriesRole.CT], LevelAggregation.MEAN, impute=Imputation.MEDIAN)

    found = make_dataset(Cohort(tuple(people)), table, layout, ABNORMAL, dropped, BY_SCANNER)
    elsewhere = make_dataset(Cohort(tuple(people)), table, layout, ABNORMAL, (), BY_SCANNER, ("A",))

    why = [reason for _, reason in found.left_out]
    assert sum(reason == f"{WITHHELD}: scanner C was not in the fit of ComBat" for reason in why) == 3
    assert sum("is not named" in reason for reason in why) == 1
    assert found.data.conditioning is not None
    assert found.data.conditioning.batches == ("A", "B")
    assert {patient.scanner for patient in elsewhere.patients} == {"A"}


@pytest.mark.parametrize(
    "choice",
    [
        ConditioningChoice(impute=Imputation.MEDIAN),
        ConditioningChoice(impute=Imputation.KNN),
        BY_SCANNER,
        replace(BY_SCANNER, impute=Imputation.KNN, covariates=()),
    ],
    ids=["median", "knn", "combat with covariates", "knn and combat"],
)
def test_the_graph_fills_and_harmonises_as_the_pipeline_does(choice: ConditioningChoice) -> None:
    data = made(choice).data
    model = fitted(data)

    graph = build_graph([model], data.features.shape[1], monotone=False).SerializeToString()

    assert parity_difference(graph, [model], data.features, False) < 1e-9


def test_combat_finds_what_the_scanner_hides() -> None:
    """The scanner doubles every feature: with ComBat its patients stand where the others stand."""
    data = made(BY_SCANNER, seed=5).data
    split = stratified_by_patient(data.labels, data.patients, 3, 1, 2, data.strata)[0]
    distances = []
    for part in (data, data.without_combat()):
        model = tune_and_fit(part.rows(split.train), first_twelve, [knn(5)], 1)["KNN"]
        features = model.columns.apply(
            part.features if model.conditioning is None else model.conditioning.apply(part.features)
        )
        scanner = data.strata % 2
        distances.append(np.abs(features[scanner == 0].mean(axis=0) - features[scanner == 1].mean(axis=0)).mean())
    assert distances[0] < 0.35 * distances[1]


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "combatlearn", None)

    with pytest.raises(CombatMissing, match="combat"):
        fit_combat(np.random.default_rng(0).standard_normal((8, 3)), np.tile([0, 1], 4), np.zeros((8, 0)), 2)


def test_the_choice_is_read_again_from_the_settings_of_a_run() -> None:
    told = {"impute": "knn", "batch": "site", "covariates": ["sex"]}

    assert choice_of({"conditioning": told}) == ConditioningChoice(
        impute=Imputation.KNN, batch=Batch.SITE, covariates=(Covariate.SEX,)
    )
    assert not choice_of({}).wanted
