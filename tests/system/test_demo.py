"""``trabecula demo`` as a person runs it: the first thing anybody sees of the product."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.system.service import clean_environment, trabecula

pytestmark = pytest.mark.system


def test_the_demo_shows_a_result_and_says_where_everything_is(tmp_path: Path) -> None:
    answer = trabecula(clean_environment(), "demo", "--out", str(tmp_path), "--modality", "MR", timeout=500)

    assert answer.returncode == 0, answer.stderr
    assert "state DONE" in answer.stdout
    assert "A digital phantom, not a patient" in answer.stdout
    assert str(tmp_path / "picture.png") in answer.stdout.replace("\n", "")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.mode == "RGB"
    assert json.loads((tmp_path / "result.json").read_text())["state"] == "DONE"
    assert {path.name.split("-")[0] for path in (tmp_path / "received").iterdir()} == {"SR", "SEG", "OT"}


def test_a_demo_that_gets_no_answer_in_time_names_its_log_and_the_next_step(tmp_path: Path) -> None:
    answer = trabecula(clean_environment(), "demo", "--out", str(tmp_path), "--timeout", "0.1", timeout=500)

    assert answer.returncode == 2
    assert answer.stderr.startswith("DEMO_FAILED: ") or "DEMO_FAILED: " in answer.stderr
    assert str(tmp_path / "service.log") in answer.stderr.replace("\n", "")
    assert "trabecula doctor" in answer.stderr
