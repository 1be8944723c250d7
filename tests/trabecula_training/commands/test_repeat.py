from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.trabecula_training.builders import made_cohort, write_cohort_csv
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cli import app
from trabecula_training.features.table import save_features
from trabecula_training.reporting.repeating import departures

_QUICK = ("--inputs", "T1", "--repeats", "1", "--folds", "3", "--resamples", "100", "--workers", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("repeat")
    cohort, table = made_cohort(60, 6, 3, (SeriesRole.T1W,))
    write_cohort_csv(cohort, target / "cohort.csv")
    save_features(table, target / "features.npz")
    files = ["--cohort", str(target / "cohort.csv"), "--features", str(target / "features.npz")]
    answer = CliRunner().invoke(app, ["run", "radscore", *files, "--out", str(target / "first"), *_QUICK])
    assert answer.exit_code == 0, answer.output
    return target


def repeat(made: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["repeat", str(made / "first"), "--out", str(made / "again"), *more])


def test_a_run_is_repeated_bit_for_bit_from_its_own_file(made: Path) -> None:
    answer = repeat(made, "--workers", "2")

    assert answer.exit_code == 0, answer.output
    assert "the same: " in answer.output
    first, again = (json.loads((made / name / "metrics.json").read_text("utf-8")) for name in ("first", "again"))
    assert first["tasks"] == again["tasks"]
    assert first["settings"]["seed"] == again["settings"]["seed"]


def test_a_figure_that_differs_is_named_and_fails(made: Path) -> None:
    path = made / "first" / "metrics.json"
    kept = path.read_text("utf-8")
    document = json.loads(kept)
    document["tasks"][0]["evaluations"]["LASSO"]["metrics"]["auc"]["estimate"] += 0.01
    path.write_text(json.dumps(document), "utf-8")
    try:
        answer = repeat(made, "--json")
    finally:
        path.write_text(kept, "utf-8")

    assert answer.exit_code == 1
    (found,) = json.loads(answer.stdout)["differ"]
    assert found["place"] == "/tasks/0/evaluations/LASSO/metrics/auc/estimate"
    assert found["relative"] > 1e-3


def test_a_run_whose_cohort_is_gone_is_refused(made: Path) -> None:
    (made / "cohort.csv").rename(made / "moved.csv")
    try:
        answer = repeat(made)
    finally:
        (made / "moved.csv").rename(made / "cohort.csv")

    assert answer.exit_code == 2
    assert "REPEAT_REFUSED" in answer.stderr
    assert "cohort.csv is not there any more" in answer.stderr


def test_what_differs_is_found_at_its_place() -> None:
    before = {"a": [1, 2.0], "b": {"c": "x"}, "command": "one", "d": [1]}
    after = {"a": [1, 2.0 + 1e-9], "b": {"c": "y"}, "command": "two", "d": [1, 2]}

    found = {item.place: item.relative for item in departures(before, after)}

    assert set(found) == {"/a/1", "/b/c", "/d"}
    assert found["/a/1"] == pytest.approx(5e-10)
    assert found["/b/c"] == float("inf")
