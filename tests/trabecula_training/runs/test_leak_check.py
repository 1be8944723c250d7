from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from trabecula_training.cli import app
from trabecula_training.recipes import RECIPE_NAMES
from trabecula_training.runs.leak_check import LeakCheck


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_on_noise_paper_mode_is_optimistic_and_sound_mode_is_not(recipe: str) -> None:
    result = CliRunner().invoke(app, ["leak-check", recipe, "--small", "--json"])

    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout.splitlines()[-1])
    assert list(document) == ["recipe", "paper_auc", "sound_auc", "sound_ci"]
    assert document["recipe"] == recipe
    assert document["paper_auc"] > 0.7
    low, high = document["sound_ci"]
    assert low <= 0.5 <= high
    assert low < document["sound_auc"] < high


def test_a_recipe_that_leaks_does_not_pass() -> None:
    assert not LeakCheck("leaky", 0.9, 0.8, (0.7, 0.9)).passed
    assert not LeakCheck("blind", 0.5, 0.5, (0.4, 0.6)).passed
    assert LeakCheck("honest", 0.9, 0.5, (0.4, 0.6)).passed


def test_an_unknown_recipe_is_refused_in_words() -> None:
    result = CliRunner().invoke(app, ["leak-check", "nobody2030"])

    assert result.exit_code == 2
    assert (
        "RECIPE_UNKNOWN: No recipe has this name: nobody2030 is none of b4_2026, jiang2026, radscore, xue2022."
        in result.stderr
    )
    assert "trabecula-train run --help" in result.stderr
