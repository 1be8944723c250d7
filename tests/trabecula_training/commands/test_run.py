from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.trabecula_training.builders import made_cohort, write_cohort_csv
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cli import app
from trabecula_training.cohort.labels import BoneCategory
from trabecula_training.cohort.table import Cohort
from trabecula_training.features.table import save_features

MR = (SeriesRole.T1W, SeriesRole.T2W)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("cohort")
    cohort, table = made_cohort(70, 10, 3, MR, external=20)
    write_cohort_csv(cohort, target / "cohort.csv")
    save_features(table, target / "features.npz")
    return target


def run(folder: Path, *more: str) -> tuple[int, str]:
    files = ["--cohort", str(folder / "cohort.csv"), "--features", str(folder / "features.npz")]
    result = CliRunner().invoke(app, ["run", *more[:1], *files, *more[1:]])
    return result.exit_code, result.output


def test_a_sound_run_writes_metrics_report_and_figures(folder: Path) -> None:
    out = folder / "sound"

    code, output = run(
        folder,
        "radscore",
        "--out",
        str(out),
        "--inputs",
        "T1+T2",
        "--repeats",
        "1",
        "--folds",
        "3",
        "--resamples",
        "100",
    )

    assert code == 0, output
    document = json.loads((out / "metrics.json").read_text("utf-8"))
    task = document["tasks"][0]
    assert not document["optimistic"]
    assert (task["patients"], task["columns"]) == (50, 20)
    assert {"LASSO", "prevalence", "age and sex", "OST", "LASSO + age and sex"} <= set(task["evaluations"])
    assert task["evaluations"]["LASSO"]["metrics"]["auc"]["estimate"] > 0.7
    assert task["external"]["LASSO"]["n_patients"] == 20
    assert sorted(task["sites"]) == ["site-1", "site-2"]
    assert {row["group"] for row in task["subgroups"]["LASSO"]} == {"age", "scanner", "sex", "site"}
    page = (out / "report.html").read_text("utf-8")
    assert page.count("<svg") == 8  # three main ones, subgroups, features, what is added, two of the external set
    assert "0.860 (0.730 to 0.943)" in page
    assert "OPTIMISTIC" not in page
    assert "p001" not in page
    assert len(list((out / "figures").glob("*.png"))) == 3
    check_the_end_of_the_run(output, document, out)
    check_the_page_stands_alone(page)


def check_the_end_of_the_run(output: str, document: dict[str, Any], out: Path) -> None:
    """The terminal shows the verdict of metrics.json with its table, and where the files are."""
    (task,) = document["verdict"]["tasks"]
    assert (task["input"], task["task"], task["model"]) == ("T1+T2", "abnormal_bone_density", "LASSO")
    assert "radscore, sound mode, 70 patients" in output
    assert "T1+T2: abnormal bone density" in output
    assert task["baseline"] in output
    assert document["verdict"]["headline"][:60] in output
    assert output.rstrip().splitlines()[-2:] == [str(out / "metrics.json"), str(out / "report.html")]


def check_the_page_stands_alone(page: str) -> None:
    """Nothing is fetched, every figure has words, no id stands twice, and what a reader asks first comes first."""
    assert not re.search(r"""(src|href)=["']?(https?:|//)|url\((?!#)|@import|<script|<link""", page)
    assert page.count('<svg role="img" aria-label=') == 8
    ids = re.findall(r' id="([^"]+)"', re.sub(r"<defs>.*?</defs>", "", page, flags=re.DOTALL))
    assert len(ids) == len(set(ids))
    assert all(f'id="{anchor}"' in page for anchor in re.findall(r'href="#([\w-]+)"', page) if anchor[0] in "vpt")
    places = [page.index(f'id="{part}"') for part in ("verdict", "people", "task-1", "published", "made", "checklists")]
    assert places == sorted(places)
    assert "METRICS score" in page


def test_a_paper_run_is_watermarked(folder: Path) -> None:
    out = folder / "paper"

    code, output = run(
        folder,
        "jiang2026",
        "--out",
        str(out),
        "--mode",
        "paper",
        "--inputs",
        "T1",
        "--tasks",
        "abnormal_bone_density",
        "--models",
        "KNN",
        "--resamples",
        "100",
    )

    assert code == 0, output
    document = json.loads((out / "metrics.json").read_text("utf-8"))
    assert document["optimistic"]
    assert set(document["tasks"][0]["paper"]) == {"KNN"}
    page = (out / "report.html").read_text("utf-8")
    assert "OPTIMISTIC" in page
    assert "cannot be exported" in page
    assert not (out / "figures").exists()
    assert document["verdict"]["belief"] == "no"
    assert "jiang2026, paper mode, 70 patients" in output
    assert "AUC, optimistic" in output
    assert "optimistic by construction" in page


def test_programs_get_the_verdict_or_what_is_wrong_as_json(folder: Path, tmp_path: Path) -> None:
    quick = ["--mode", "paper", "--inputs", "T1", "--tasks", "abnormal_bone_density", "--models", "KNN"]
    files = ["--cohort", str(folder / "cohort.csv"), "--features", str(folder / "features.npz")]
    command = ["run", "jiang2026", *quick, "--resamples", "100", "--json", "--out", str(tmp_path / "out")]

    good = CliRunner().invoke(app, [*command, *files])
    bad = CliRunner().invoke(app, [*command, "--cohort", str(folder / "none.csv"), "--features", "none.npz"])

    document = json.loads(good.stdout)
    assert good.exit_code == 0
    assert (document["recipe"], document["mode"], document["patients"]) == ("jiang2026", "paper", 70)
    assert Path(document["report"]).is_file()
    assert document["verdict"]["tasks"][0]["belief"] == "no"
    error = json.loads(bad.stdout)
    assert bad.exit_code == 2
    assert error["error"] == "COHORT_INVALID"
    assert [(row["line"], row["remedy"]) for row in error["problems"]] == [(0, "Name an existing file.")]


def test_a_cohort_of_phantoms_says_so_first(folder: Path, tmp_path: Path) -> None:
    cohort, table = made_cohort(50, 6, 3, MR)
    named = {patient.patient: f"PHANTOM-{number:04d}" for number, patient in enumerate(cohort.patients)}
    people = Cohort(tuple(replace(patient, patient=named[patient.patient]) for patient in cohort.patients))
    renamed = replace(table, patients=tuple(named[name] for name in table.patients), facts={})
    write_cohort_csv(people, tmp_path / "cohort.csv")
    save_features(renamed, tmp_path / "features.npz")
    quick = ["--inputs", "T1", "--repeats", "1", "--folds", "2", "--resamples", "100"]

    code, output = run(tmp_path, "radscore", "--out", str(tmp_path / "out"), *quick)

    assert code == 0, output
    document = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert document["cohort"]["phantoms"] == 50
    assert "Only as a demonstration: all 50 patients are digital phantoms." in output
    assert "PHANTOMS</div>" in page
    assert "PHANTOM-0001" not in page + json.dumps(document)


def test_a_bad_cohort_is_told_line_by_line_before_any_work(folder: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "bad.csv"
    cohort.write_text("patient,qct_bmd_mg_cm3,age_years,sex\na,75,700,F\na,75,70,X\n", "utf-8")

    result = CliRunner().invoke(
        app,
        ["run", "radscore", "--cohort", str(cohort), "--features", "none.npz", "--out", str(tmp_path / "out")],
    )

    assert result.exit_code == 2
    for words in ("700 is not possible", "a stands in line 2, too", "COHORT_INVALID", "nothing was computed"):
        assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_patients_without_features_are_named(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "cohort.csv").read_text("utf-8") + "stranger,75,70,F,60,site-1,A,development\n"
    cohort = tmp_path / "cohort.csv"
    cohort.write_text(lines, "utf-8")

    result = CliRunner().invoke(
        app,
        [
            "run",
            "radscore",
            "--cohort",
            str(cohort),
            "--features",
            str(folder / "features.npz"),
            "--out",
            str(tmp_path),
        ],
    )

    assert result.exit_code == 2
    assert "no features of stranger" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("nobody",), "RECIPE_UNKNOWN"), (("radscore", "--models", "XGB"), "radscore has no XGB")],
)
def test_unknown_names_are_refused(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    code, output = run(folder, *arguments, "--out", str(folder / "never"))

    assert code == 2
    assert message in output
    assert not (folder / "never").exists()


def test_a_damaged_feature_table_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "features.npz").write_bytes((folder / "features.npz").read_bytes()[:2000])
    files = ["--cohort", str(folder / "cohort.csv"), "--features", str(tmp_path / "features.npz")]

    result = CliRunner().invoke(app, ["run", "radscore", *files, "--out", str(tmp_path / "out")])

    assert result.exit_code == 2
    assert "FEATURE_TABLE_INVALID" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_to_write_into_that_is_a_file_is_told_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")

    code, output = run(folder, "radscore", "--out", str(tmp_path / "out"))

    assert code == 2
    assert "is a file" in " ".join(output.replace("│", " ").split()), "a long path breaks the lines of the box"
    assert (tmp_path / "out").read_text() == "mine"


def test_a_task_without_enough_patients_is_told_before_any_work(tmp_path: Path) -> None:
    cohort, table = made_cohort(30, 4, 1, MR)
    healthy = [patient for patient in cohort.patients if patient.category is BoneCategory.NORMAL]
    ill = [patient for patient in cohort.patients if patient.category is not BoneCategory.NORMAL]
    write_cohort_csv(Cohort((*healthy[:4], *ill)), tmp_path / "cohort.csv")
    save_features(table, tmp_path / "features.npz")

    code, output = run(tmp_path, "radscore", "--out", str(tmp_path / "out"))

    assert code == 2
    assert f"too few of a class ({len(ill)} positive, 4 negative)" in output
    assert not (tmp_path / "out").exists()
