"""A run of networks from crops to a bundle that the service scores, and what may not become one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.trabecula_training.builders import write_cohort_csv
from tests.trabecula_training.cnn.builders import made_pictures
from trabecula.domain.models.bundle import CARD_NAME, IMAGE_INPUT, MODEL_NAME, BundleKind
from trabecula.domain.results.result import SeriesRole
from trabecula.scoring.bundles import load_bundle
from trabecula.scoring.cnn_scorer import image_input
from trabecula.scoring.crops.definition import load_crop_definition
from trabecula.scoring.model_graph import ModelGraph
from trabecula.scoring.scorers import check_runs
from trabecula_training.cli import app
from trabecula_training.cnn.crop_bank import save_crops
from trabecula_training.cnn.export import export_image_bundle
from trabecula_training.cnn.image_recipe import ImageRecipe
from trabecula_training.errors import ExportRefused
from trabecula_training.export.bundle import ExportRequest
from trabecula_training.export.manifest import BundleText
from trabecula_training.recipes import b4_2026, image_recipe
from trabecula_training.runs.run import Mode

TEXT = BundleText(
    model_id="pictures-demo", version="1.0.0", title="Pictures", demonstration=True, population="made-up people"
)
QUICK = replace(
    b4_2026.RECIPE,
    plans=(*b4_2026.RECIPE.plans[:-1], replace(b4_2026.RECIPE.plans[-1], size=24, epochs=4, rate=2e-3)),
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe's small network on smaller pictures and for fewer epochs."""
    monkeypatch.setattr(b4_2026, "RECIPE", QUICK)


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``trabecula-train run`` on crops that are there, as a user calls it."""
    folder = tmp_path_factory.mktemp("run")
    cohort, bank = made_pictures(40)
    write_cohort_csv(cohort, folder / "cohort.csv")
    save_crops(bank, folder / "crops.npz")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(b4_2026, "RECIPE", QUICK)
        result = run(folder, "--inputs", "T1", "--folds", "3")
    assert result.exit_code == 0, result.output
    return folder / "out"


def run(folder: Path, *more: str) -> Any:
    given = ["--cohort", str(folder / "cohort.csv"), "--features", str(folder / "crops.npz"), "--out"]
    common = ["--models", "small", "--workers", "1", "--resamples", "100"]
    return CliRunner().invoke(app, ["run", "b4_2026", *given, str(folder / "out"), *common, *more])


def request(run_folder: Path, bundles: Path, **changes: Any) -> ExportRequest:
    wanted = ExportRequest(
        run=run_folder,
        bundles=bundles,
        input="T1",
        classifiers=(("osteoporosis", "small"),),
        text=TEXT,
        despite_size=True,
        created="2026-01-01",
    )
    return replace(wanted, **changes)


def test_a_run_writes_the_same_documents_as_every_recipe(finished_run: Path) -> None:
    document = json.loads((finished_run / "metrics.json").read_text("utf-8"))

    (task,) = document["tasks"]
    assert (document["recipe"], document["mode"], task["input"]) == ("b4_2026", "sound", "T1")
    assert set(task["evaluations"]) >= {"small", "prevalence", "age and sex", "OST", "VBQ", "small + age and sex"}
    assert task["evaluations"]["small"]["metrics"]["auc"]["estimate"] > 0.7
    assert document["features"]["regions"] == "midsagittal_v1"
    page = (finished_run / "report.html").read_text("utf-8")
    assert re.search(r">\s*0\.82\s*<", page), "the published AUC stands beside ours, with the study's own decimals"
    assert "ImageNet" in page


def test_a_bundle_is_verified_and_gives_the_trained_probabilities(finished_run: Path, tmp_path: Path) -> None:
    folder = export_image_bundle(request(finished_run, tmp_path / "bundles"), image_recipe)

    bundle = load_bundle(folder)
    check_runs(bundle)
    manifest = bundle.manifest
    assert manifest.kind is BundleKind.CNN
    assert manifest.roles == (SeriesRole.T1W,)
    assert manifest.image is not None
    assert (manifest.image.size, manifest.image.min_levels) == (24, 2)
    assert manifest.inputs[0].numeric["field_strength_t"][0] <= 1.5
    assert any("no pretrained weights" in line for line in manifest.limits)
    cohort, bank = made_pictures(40)
    graph = ModelGraph(bundle, IMAGE_INPUT, [np.zeros((2, 1, 24, 24), np.float32)])
    given = {
        group.patient: float(graph.answer(image_input(list(group.crops), manifest.image))[0][0])
        for group in bank.groups
        if group.role is SeriesRole.T1W
    }
    ill = [given[patient.patient] for patient in cohort.patients if patient.category == "osteoporosis"]
    well = [given[patient.patient] for patient in cohort.patients if patient.category != "osteoporosis"]
    assert np.mean(ill) > np.mean(well) + 0.1
    text = (folder / CARD_NAME).read_text("utf-8")
    assert "Demonstration model" in text
    assert "24 x 24 pixels" in text
    assert "no pretrained weights" in text


def test_the_same_run_gives_the_same_bundle_byte_for_byte(finished_run: Path, tmp_path: Path) -> None:
    first, second = (export_image_bundle(request(finished_run, tmp_path / name), image_recipe) for name in ("a", "b"))

    for name in ("manifest.json", MODEL_NAME, CARD_NAME):
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"despite_size": False}, "too small"),
        ({"input": "T2"}, "holds no small"),
        ({"classifiers": (("osteoporosis", "ResNet-50"),)}, "holds no ResNet-50"),
    ],
)
def test_what_may_not_be_exported_is_refused_and_leaves_nothing(
    finished_run: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportRefused, match=message):
        export_image_bundle(request(finished_run, tmp_path / "bundles", **changes), image_recipe)

    assert not (tmp_path / "bundles").exists()


def test_paper_mode_is_watermarked_and_cannot_be_exported(tmp_path: Path) -> None:
    cohort, bank = made_pictures(30)
    write_cohort_csv(cohort, tmp_path / "cohort.csv")
    save_crops(bank, tmp_path / "crops.npz")

    result = run(tmp_path, "--mode", "paper", "--inputs", "T2")

    assert result.exit_code == 0, result.output
    assert "OPTIMISTIC" in (tmp_path / "out" / "report.html").read_text("utf-8").upper()
    with pytest.raises(ExportRefused, match="optimistic by construction"):
        export_image_bundle(request(tmp_path / "out", tmp_path / "bundles", input="T2"), image_recipe)


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--models", "VGG"], "no network VGG"), (["--crops", "by_hand"], "no crop definition by_hand")],
)
def test_names_that_the_recipe_does_not_have_are_refused(tmp_path: Path, more: list[str], words: str) -> None:
    cohort, bank = made_pictures(30)
    write_cohort_csv(cohort, tmp_path / "cohort.csv")
    save_crops(bank, tmp_path / "crops.npz")

    result = run(tmp_path, *more)

    assert result.exit_code == 2
    assert words in result.stderr


def test_the_recipe_states_the_studys_training() -> None:
    recipe: ImageRecipe = b4_2026.RECIPE
    (large, *_) = recipe.plans

    assert (large.network, large.size, large.rate, large.batch) == ("EfficientNet-B4", 380, 1e-4, 16)
    assert (large.epochs, large.patience, large.factor, large.stop_after) == (100, 5, 0.5, 10)


def test_paper_mode_sharpens_as_the_study_does_unless_told_otherwise() -> None:
    recipe: ImageRecipe = b4_2026.RECIPE

    assert load_crop_definition(recipe.definition(Mode.PAPER)).laplacian > 0
    assert load_crop_definition(recipe.definition(Mode.SOUND)).laplacian == 0
    assert recipe.definition(Mode.PAPER, "midsagittal_v1") == "midsagittal_v1"
    assert replace(recipe, paper_crops="").definition(Mode.PAPER) == recipe.crops
