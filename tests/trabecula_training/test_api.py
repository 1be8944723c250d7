from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.trabecula_training.builders import made_cohort, write_cohort_csv
from trabecula.domain.results.result import SeriesRole
from trabecula_training import api
from trabecula_training.errors import ExportRefused, RecipeUnknown
from trabecula_training.features.table import save_features

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "notebook.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("notebook")
    cohort, table = made_cohort(60, 6, 3, (SeriesRole.T1W, SeriesRole.T2W))
    write_cohort_csv(cohort, target / "cohort.csv")
    save_features(table, target / "features.npz")
    return target


@pytest.fixture(scope="module")
def trained(folder: Path) -> api.TrainedRun:
    settings = api.RunSettings(inputs=("T1",), repeats=1, folds=3, resamples=100)
    return api.run("radscore", folder / "cohort.csv", folder / "run", folder / "features.npz", settings)


def test_a_cohort_is_checked_before_anything_is_done(folder: Path) -> None:
    assert not any(item.blocking for item in api.check("radscore", folder / "cohort.csv", folder / "features.npz"))
    lines = (folder / "cohort.csv").read_text().splitlines()
    (folder / "twice.csv").write_text("\n".join([*lines, lines[-1]]) + "\n")

    found = api.check("radscore", str(folder / "twice.csv"), str(folder / "features.npz"))

    assert any(item.blocking and item.line == len(lines) + 1 for item in found)
    with pytest.raises(RecipeUnknown):
        api.check("nothing", folder / "cohort.csv", folder / "features.npz")


def test_a_run_gives_its_figures_as_a_table(trained: api.TrainedRun) -> None:
    figures = trained.figures()

    best = figures[(figures.model == "LASSO") & (figures.measure == "auc")]
    assert len(best) == 1
    assert best.iloc[0].low <= best.iloc[0].estimate <= best.iloc[0].high
    assert set(figures.part) == {"held out"}
    assert not figures.optimistic.any()
    assert trained.report.is_file()
    assert trained.verdict["headline"]
    assert api.open_run(trained.folder).document == trained.document


def test_paper_mode_tells_its_parts_and_that_it_is_optimistic(folder: Path) -> None:
    settings = api.RunSettings(mode=api.Mode.PAPER, inputs=("T1",), resamples=100)

    figures = api.run("radscore", folder / "cohort.csv", folder / "paper", folder / "features.npz", settings).figures()

    assert {"training", "internal"} <= set(figures.part)
    assert figures.optimistic.all()


def test_a_model_is_exported_or_the_reason_told(folder: Path, trained: api.TrainedRun) -> None:
    text = api.BundleText(
        model_id="note", version="1.0.0", title="Note", demonstration=False, population="made up", primary="balanced"
    )
    wanted = {"input_": "T1", "classifiers": [("abnormal_bone_density", "LASSO")]}

    with pytest.raises(ExportRefused):  # a cohort of sixty is too small
        api.export(trained, folder / "bundles", text, **wanted)  # type: ignore[arg-type]
    made = api.export(trained, folder / "bundles", text, **wanted, i_know=True)  # type: ignore[arg-type]

    assert (made / "manifest.json").is_file()


def test_the_document_calls_what_there_is() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert set(re.findall(r"api\.(\w+)", text)) <= set(api.__all__)
    for name in ("check", "extract", "run", "open_run", "export"):
        assert f"| `{name}(" in text
