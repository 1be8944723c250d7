from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from tests.trabecula_training.builders import made_cohort, write_cohort_csv
from trabecula_training.cli import app
from trabecula_training.features.table import save_features


def export(run: Path, bundles: Path, *more: str) -> tuple[int, str]:
    names = ["--model-id", "made-up", "--input", "CT", "--bundles", str(bundles)]
    result = CliRunner().invoke(app, ["export", str(run), *names, *more])
    return result.exit_code, result.output


def test_a_run_becomes_a_bundle_only_with_open_eyes(tmp_path: Path) -> None:
    cohort, table = made_cohort(60, 8, 3)
    write_cohort_csv(cohort, tmp_path / "cohort.csv")
    save_features(table, tmp_path / "features.npz")
    files = ["--cohort", str(tmp_path / "cohort.csv"), "--features", str(tmp_path / "features.npz")]
    quick = ["--models", "KNN", "--tasks", "osteoporosis", "--repeats", "1", "--folds", "2", "--resamples", "100"]
    made = CliRunner().invoke(app, ["run", "xue2022", *files, *quick, "--out", str(tmp_path / "out")])
    assert made.exit_code == 0, made.output

    refused, why = export(tmp_path / "out", tmp_path / "bundles", "--classifier", "osteoporosis=KNN")
    assert refused == 2
    assert "EXPORT_REFUSED" in why
    assert "too small" in why

    code, output = export(tmp_path / "out", tmp_path / "bundles", "--classifier", "osteoporosis=KNN", "--i-know")
    assert code == 0, output
    assert sorted(path.name for path in (tmp_path / "bundles" / "made-up").iterdir())[:2] == [
        "CARD.md",
        "CT-osteoporosis-calibration.png",
    ]


def test_a_classifier_without_its_task_is_a_usage_error(tmp_path: Path) -> None:
    code, output = export(tmp_path, tmp_path / "bundles", "--classifier", "KNN")

    assert code == 2
    assert "TASK=MODEL" in output
