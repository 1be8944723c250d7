"""Tests of ``trabecula-train segmenter``: what it refuses."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from trabecula_training.cli import app


@pytest.mark.parametrize(
    ("words", "said"),
    [(["robustness", "--axis", "weather"], "variants"), ([], "--out"), (["phantoms", "--cases", "0"], "cases")],
)
def test_what_cannot_be_run_is_refused_with_what_can(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["segmenter", *words])

    assert result.exit_code == 2
    assert said in result.output
