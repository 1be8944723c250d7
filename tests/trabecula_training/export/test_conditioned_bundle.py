"""From ``run --impute --harmonise`` to a bundle that knows its scanners."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.trabecula_training.builders import FACTS, made_cohort, write_cohort_csv
from trabecula.domain.models.bundle import CARD_NAME, Manifest
from trabecula.domain.models.bundle_json import manifest_from_bytes, manifest_to_bytes
from trabecula.domain.models.conditioning import Batch, Imputation, device_name
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cli import app
from trabecula_training.cohort.labels import ABNORMAL
from trabecula_training.errors import ExportRefused
from trabecula_training.export.conditioning import exported_conditioning
from trabecula_training.features.table import save_features
from trabecula_training.learning.conditioning.plan import ConditioningChoice
from trabecula_training.learning.dataset import make_dataset, usable_layout

MAKERS = {"A": ("Maker One", "Alpha"), "B": ("Maker Two", "Beta")}
WAY = ("--impute", "knn", "--harmonise", "combat", "--covariates", "age_years")
FAST = ("--workers", "1", "--repeats", "1", "--folds", "3", "--resamples", "100")
QUICK = ("--tasks", "abnormal_bone_density", "--models", "KNN", *FAST)


def write_cohort(folder: Path) -> None:
    """Two scanners, one of which doubles the features; two external patients are from a third."""
    cohort, table = made_cohort(90, 8, 3, external=20)
    people = [
        replace(patient, scanner="C") if number in (80, 81) else patient
        for number, patient in enumerate(cohort.patients)
    ]
    cohort = replace(cohort, patients=tuple(people))
    maker = {patient.patient: MAKERS.get(patient.scanner, ("", "")) for patient in people}
    values = table.values.copy()
    values[[maker[name] == MAKERS["A"] for name in table.patients], :-1] *= 2
    values[:, :-1][np.random.default_rng(1).random((len(values), 8)) < 0.02] = np.nan
    facts = {place: {**FACTS, "manufacturer": maker[place[0]][0], "model": maker[place[0]][1]} for place in table.facts}
    write_cohort_csv(cohort, folder / "cohort.csv")
    save_features(replace(table, values=values, facts=facts), folder / "features.npz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("conditioned")
    write_cohort(target)
    (target / "facts.toml").write_text('funding = "The <town> of Ulm"', "utf-8")
    facts = ("--facts", str(target / "facts.toml"))
    code, output = command(target, "run", "xue2022", "--out", str(target / "run"), *WAY, *QUICK, *facts)
    assert code == 0, output
    return target


def command(folder: Path, name: str, recipe: str, *more: str) -> tuple[int, str]:
    files = ["--cohort", str(folder / "cohort.csv"), "--features", str(folder / "features.npz")]
    result = CliRunner().invoke(app, [name, recipe, *files, *more])
    return result.exit_code, result.output


def exported(folder: Path) -> tuple[int, str]:
    arguments = ["--model-id", "made", "--input", "CT", "--classifier", "abnormal_bone_density=KNN", "--i-know"]
    result = CliRunner().invoke(app, ["export", str(folder / "run"), *arguments, "--bundles", str(folder / "bundles")])
    return result.exit_code, result.output


def test_the_report_says_what_was_filled_harmonised_and_withheld(folder: Path) -> None:
    document = json.loads((folder / "run" / "metrics.json").read_text("utf-8"))
    page = (folder / "run" / "report.html").read_text("utf-8")
    (task,) = document["tasks"]

    assert document["settings"]["conditioning"] == {"impute": "knn", "batch": "scanner", "covariates": ["age_years"]}
    assert task["withheld_external"] == {"score withheld: scanner C was not in the fit of ComBat": 2}
    assert [made["name"] for made in task["batches_left_out"]] == ["A", "B"]
    assert all(made["withheld"] == made["patients"] for made in task["batches_left_out"])
    assert all(0 <= made["without_combat"]["KNN"]["estimate"] <= 1 for made in task["batches_left_out"])
    assert task["patients"] == 70
    assert "Each scanner left out once, with ComBat and without" in page
    assert "2 × score withheld: scanner C" in page
    assert "the mean of the five nearest patients" in page
    assert "covariates kept: age years" in page
    assert "As stated by the authors: The &lt;town&gt; of Ulm" in page


def test_the_bundle_names_its_scanners_and_goes_through_json(folder: Path) -> None:
    code, output = exported(folder)

    assert code == 0, output
    manifest: Manifest = manifest_from_bytes((folder / "bundles" / "made" / "manifest.json").read_bytes())
    made = manifest.conditioning
    assert made is not None
    assert (made.imputation, made.batch, made.covariates) == (Imputation.KNN, Batch.SCANNER, ("age_years",))
    assert [(batch.name, batch.devices) for batch in made.batches] == [
        ("A", ("MAKER ONE ALPHA",)),
        ("B", ("MAKER TWO BETA",)),
    ]
    assert made.number_of(device_name({"manufacturer": "maker two ", "model": "Beta"})) == 1
    assert made.number_of("MAKER THREE") is None
    assert made.number_of("") is None
    assert made.further_columns == 2
    assert manifest_from_bytes(manifest_to_bytes(manifest)) == manifest
    assert manifest.layout is not None
    assert manifest.layout.partial
    card = (folder / "bundles" / "made" / CARD_NAME).read_text("utf-8")
    assert "ComBat by scanner inside the graph, fitted on A (MAKER ONE ALPHA); B (MAKER TWO BETA)" in card
    assert "holds the features of the training patients" in card


@pytest.mark.parametrize(
    ("makers", "words"),
    [(("One", "One"), "both name ONE SAME"), (("", "Two"), "do not state manufacturer and model")],
)
def test_scanners_that_images_cannot_tell_apart_are_not_exported(makers: tuple[str, str], words: str) -> None:
    cohort, table = made_cohort(60, 4, 2)
    of = {patient.patient: makers[patient.scanner == "B"] for patient in cohort.patients}
    facts = {place: {"manufacturer": of[place[0]], "model": "Same" if of[place[0]] else ""} for place in table.facts}
    table = replace(table, facts=facts)
    choice = ConditioningChoice(batch=Batch.SCANNER)
    layout, dropped = usable_layout(table, [SeriesRole.CT], LevelAggregation.MEAN)
    people = make_dataset(cohort, table, layout, ABNORMAL, dropped, choice)

    with pytest.raises(ExportRefused, match=words):
        exported_conditioning([people], table, choice)


@pytest.mark.parametrize(
    ("recipe", "more", "words"),
    [
        ("xue2022", ("--mode", "paper", "--impute", "median"), "paper mode repeats"),
        ("b4_2026", ("--harmonise", "combat"), "reads pictures"),
    ],
)
def test_paper_mode_and_pictures_are_left_as_they_are(
    folder: Path, recipe: str, more: tuple[str, ...], words: str
) -> None:
    code, output = command(folder, "run", recipe, "--out", str(folder / "none"), *more)

    assert code == 2
    assert "CONDITIONING_REFUSED" in output
    assert words in " ".join(output.split())


def test_check_tells_of_a_scanner_with_one_class_and_of_too_few_scanners(tmp_path: Path) -> None:
    cohort, table = made_cohort(60, 4, 2)
    sick = {patient.patient: (patient.qct_bmd_mg_cm3 or 0) <= 120 for patient in cohort.patients}
    people = tuple(replace(item, scanner="A" if sick[item.patient] else "B", site="") for item in cohort.patients)
    write_cohort_csv(replace(cohort, patients=people), tmp_path / "cohort.csv")
    save_features(table, tmp_path / "features.npz")

    code, output = command(tmp_path, "check", "xue2022", "--tasks", "abnormal_bone_density")
    few, told = command(
        tmp_path, "check", "xue2022", "--tasks", "abnormal_bone_density", "--harmonise", "combat", "--batch", "site"
    )

    assert code == 0, output
    words = " ".join(output.split())
    assert "of one class only at scanner A, B" in words
    assert "(remark)" in words
    assert few == 2
    assert "ComBat needs two sites of 10 patients" in " ".join(told.split())
