"""Demonstration bundles: what they are made of is written down beforehand, exists, and can be deployed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from trabecula.scoring.radiomics.feature_set import load_feature_set
from trabecula_training.cli import app
from trabecula_training.cohort.phantoms import scanners
from trabecula_training.errors import ExportRefused, RecipeUnknown
from trabecula_training.export.demonstration import demonstration, demonstration_names
from trabecula_training.recipes import RADIOMICS_RECIPES, RECIPE_NAMES, radiomics_recipe


@pytest.mark.parametrize("name", [name for name in demonstration_names() if name in RADIOMICS_RECIPES])
def test_what_a_demonstration_exports_is_in_its_recipe_and_deployable(name: str) -> None:
    plan = demonstration(name)
    recipe = radiomics_recipe(name)

    assert all(recipe.input(item).roles for item in plan.inputs)
    for task, family in plan.classifiers:
        assert recipe.task(task).deployable
        assert recipe.family(family).name == family
    assert load_feature_set(recipe.feature_set).modality is plan.cohort.modality
    assert plan.cohort.sites == len(scanners(plan.cohort.modality))
    assert not plan.cohort.null


def test_every_demonstration_is_of_a_recipe_and_has_names_of_its_own() -> None:
    plans = [demonstration(name) for name in demonstration_names()]

    names = [plan.model_id(item) for plan in plans for item in plan.inputs]
    assert set(demonstration_names()) <= set(RECIPE_NAMES)
    assert len(set(names)) == len(names)


def test_the_bundle_says_that_it_is_a_demonstration_on_phantoms(tmp_path: Path) -> None:
    plan = demonstration("xue2022")

    (request,) = plan.requests(tmp_path / "run", tmp_path)

    assert request.text.demonstration
    assert "digital phantoms" in request.text.population
    assert request.text.model_id == "xue2022-demo-1.0.0"
    assert plan.of(50).cohort.patients == 50
    assert plan.of(None) == plan


def test_a_bundle_that_exists_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "bundles" / "xue2022-demo-1.0.0").mkdir(parents=True)

    with pytest.raises(ExportRefused, match="exists already"):
        demonstration("xue2022").refuse_existing(tmp_path / "bundles")
    answer = CliRunner().invoke(app, ["demonstration", "xue2022", "--out", str(tmp_path)])

    assert answer.exit_code == 2
    assert "EXPORT_REFUSED" in answer.output
    assert not (tmp_path / "cohort").exists()


def test_a_recipe_without_a_demonstration_is_named_with_those_that_have_one() -> None:
    with pytest.raises(RecipeUnknown, match="nobody has no demonstration; xue2022"):
        demonstration("nobody")
