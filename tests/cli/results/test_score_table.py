"""Scores in a terminal: marked where they are demonstrations, with operating point, abstentions with their reason."""

from __future__ import annotations

from typing import Any

import pytest

from trabecula.cli.results.score_table import DEMONSTRATION, show_scores
from trabecula.domain.models.validation import ModelVerdict


def score(**changes: Any) -> dict[str, Any]:
    return {
        "model_id": "m-1", "endpoint": "abnormal_bone_density", "probability": 0.724, "threshold": 0.686,
        "positive": True, "operating_point": "balanced", "demonstration": True, "active": True, "reasons": [],
    } | changes  # fmt: skip


def shown(capsys: pytest.CaptureFixture[str], *scores: dict[str, Any]) -> list[str]:
    show_scores(scores)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_a_demonstration_says_so_before_its_score(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, score())

    assert lines[0] == f"scores: {DEMONSTRATION}"
    assert lines[-1] == "m-1 abnormal bone density 72 % above 69 % (balanced)"


def test_a_model_that_is_no_demonstration_stands_apart_without_the_mark(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, score(), score(model_id="real-2", demonstration=False, positive=False, probability=0.1))

    mark = lines.index(f"scores: {DEMONSTRATION}")
    assert lines[0] == "scores:"
    assert [line.startswith("real-2 ") for line in lines[:mark]][-1]
    assert "10 % below 69 % (balanced)" in lines[mark - 1]
    assert lines[-1].startswith("m-1 ")


def test_an_abstention_gives_its_reasons_and_a_silent_challenger_stands_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reasons = [{"code": "KERNEL_SHARP"}, {"code": "KERNEL_SHARP"}]

    lines = shown(capsys, score(model_id="m-2", active=False), score(probability=None, positive=None, reasons=reasons))

    title = lines.index("silent challengers, not in the report: DEMONSTRATION")
    assert lines[title - 1] == "m-1 abnormal bone density none abstained: KERNEL_SHARP"
    assert lines[-1] == "m-2 abnormal bone density 72 % above 69 % (balanced)"


def test_a_model_that_its_own_validation_does_not_support_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, score(demonstration=False, verdict=ModelVerdict.NO))

    assert any("NOT SUPPORTED BY ITS OWN VALIDATION" in line for line in lines)
