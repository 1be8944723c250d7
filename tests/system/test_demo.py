"""``trabecula demo`` as a person runs it: the first thing anybody sees of the product."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.system.service import clean_environment, trabecula

pytestmark = pytest.mark.system

UNAVOIDABLE = {"LEVELS_ASSUMED", "NO_SITE_REFERENCE"}
"""What is true of every study that counts from the sacrum, and of every MR without a site's own reference."""


@pytest.mark.parametrize(
    ("modality", "active", "silent"),
    [
        pytest.param("CT", ["xue2022-demo-1.0.0"] * 2, [], marks=pytest.mark.xdist_group("demo-ct")),
        pytest.param(
            "mr",
            ["radscore-demo-1.0.0"],
            ["b4-2026-t1-demo-1.0.0", "b4-2026-t2-demo-1.0.0"],
            marks=pytest.mark.xdist_group("demo-mr"),
        ),
    ],
)
def test_the_demo_shows_outlines_measurement_and_score_and_says_where_everything_is(
    tmp_path: Path, modality: str, active: list[str], silent: list[str]
) -> None:
    users_own, out = tmp_path / "installation", tmp_path / "out"
    environment = clean_environment(data_dir=users_own) | {"HOME": str(tmp_path), "COLUMNS": "80"}

    answer = trabecula(environment, "demo", "--out", str(out), "--modality", modality, timeout=550)

    assert answer.returncode == 0, answer.stderr
    document = json.loads((out / "result.json").read_text())
    assert document["state"] == "DONE"
    _assert_whole_mission(document, active, silent)
    shown = [
        "sent: a", "images)", document["impression"][0], "L4 ", "DEMONSTRATION, trained on digital phantoms",
        active[0], "above", "(balanced)", "RESEARCH USE ONLY", "files:", str(out / "picture.png"), "received/SR-",
        "next:", " demo --modality ", "A digital phantom, not a patient",
    ]  # fmt: skip
    places = [answer.stdout.find(words) for words in shown]
    assert -1 not in places, (shown, answer.stdout)
    assert places == sorted(places), answer.stdout
    assert "measuring" in answer.stderr  # long work says what it does
    with Image.open(out / "picture.png") as picture:
        assert picture.mode == "RGB"
    assert {path.name.split("-")[0] for path in (out / "received").iterdir()} == {"SR", "SEG", "OT"}
    assert not users_own.exists()


def _assert_whole_mission(document: dict[str, object], active: list[str], silent: list[str]) -> None:
    """Levels measured without a remark that better images would spare, and every demonstration model with a score."""
    reasons, levels, scores = document["reasons"], document["levels"], document["scores"]
    assert isinstance(reasons, list)
    assert isinstance(levels, list)
    assert isinstance(scores, list)
    assert {reason["code"] for reason in reasons} <= UNAVOIDABLE
    assert {"L1", "L2", "L3", "L4"} <= {level["level"] for level in levels if level["evaluable"]}
    assert [level["flags"] for level in levels] == [[]] * len(levels)
    assert [score["model_id"] for score in scores if score["active"]] == active
    assert [score["model_id"] for score in scores if not score["active"]] == silent
    for score in scores:
        assert score["applicable"], score["reasons"]
        assert score["demonstration"]
        assert 0 < score["probability"] < 1


def test_a_demo_that_gets_no_answer_in_time_names_its_log_and_the_next_step(tmp_path: Path) -> None:
    answer = trabecula(
        clean_environment(), "demo", "--modality", "MR", "--out", str(tmp_path), "--timeout", "0.1", timeout=500
    )

    assert answer.returncode == 2
    assert answer.stderr.startswith("DEMO_FAILED: ") or "DEMO_FAILED: " in answer.stderr
    assert str(tmp_path / "service.log") in answer.stderr.replace("\n", "")
    assert "trabecula doctor" in answer.stderr


def test_a_folder_with_files_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "study" / "thesis.txt"
    own.parent.mkdir()
    own.write_text("three years of work")

    answer = trabecula(clean_environment(), "demo", "--out", str(tmp_path))

    assert answer.returncode == 2
    assert "not a demo's" in answer.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]
