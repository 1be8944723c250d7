from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.trabecula_training.builders import made_cohort, write_cohort_csv
from trabecula.domain.models.bundle import CARD_NAME, FEATURE_INPUT, MODEL_NAME, PROBABILITY_OUTPUT
from trabecula.domain.models.bundle_json import manifest_from_bytes
from trabecula.domain.models.validation import ModelVerdict
from trabecula.scoring.bundles import load_bundle
from trabecula.scoring.model_graph import ModelGraph
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.errors import ExportRefused
from trabecula_training.export.bundle import ExportRequest, admitted, export_bundle
from trabecula_training.export.manifest import BundleText
from trabecula_training.features.cohort_summary import cohort_facts
from trabecula_training.features.reading import load_features
from trabecula_training.features.table import save_features
from trabecula_training.learning.dataset import patient_vectors
from trabecula_training.recipes import radiomics_recipe
from trabecula_training.reporting.metrics_json import RunFiles, read_document, run_document, write_document
from trabecula_training.reporting.report import write_figures
from trabecula_training.runs.run import Mode, RunSettings, run_recipe

TEXT = BundleText(model_id="made-up", version="1.0.0", title="Made up", demonstration=True, population="made-up people")
BOTH = (("osteoporosis", "SVM"), ("abnormal_bone_density", "KNN"))


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    cohort, table = made_cohort(70, 12, 3)
    cohort_file = write_cohort_csv(cohort, folder / "cohort.csv")
    save_features(table, folder / "features.npz")
    recipe = radiomics_recipe("xue2022")
    settings = RunSettings(
        tasks=("osteoporosis", "abnormal_bone_density"), families=("SVM", "KNN"), repeats=1, folds=3, resamples=100
    )
    people = read_cohort(cohort_file, need_studies=False).cohort
    runs = run_recipe(recipe, people, table, settings)
    files = RunFiles(cohort_file, folder / "features.npz", "trabecula-train run xue2022")
    write_document(run_document(recipe, settings, runs, people, table, files), folder)
    write_figures(runs, folder)
    return folder


def request(run: Path, bundles: Path, **changes: Any) -> ExportRequest:
    return replace(
        ExportRequest(
            run=run,
            bundles=bundles,
            input="CT",
            classifiers=BOTH,
            text=TEXT,
            despite_size=True,
            despite_verdict=True,
            created="2026-01-01",
        ),
        **changes,
    )


def test_a_bundle_gives_ordered_probabilities_and_says_what_it_is(finished_run: Path, tmp_path: Path) -> None:
    folder = export_bundle(request(finished_run, tmp_path), radiomics_recipe)

    manifest = manifest_from_bytes((folder / "manifest.json").read_bytes())
    assert manifest.demonstration
    assert [endpoint.name for endpoint in manifest.endpoints] == ["osteoporosis", "abnormal_bone_density"]
    assert manifest.layout is not None
    assert len(manifest.layout.columns) == 48
    assert manifest.inputs[0].numeric["kvp"] == (115.0, 125.0)
    assert manifest.inputs[0].allowed == {"kernel_class": ("SOFT",), "contrast_phase": ("NATIVE",)}
    assert manifest.inputs[0].seen == {"kernel": ("B30f",)}
    assert set(manifest.files) >= {MODEL_NAME, CARD_NAME, "CT-osteoporosis-roc.png"}
    assert any("too small" in line for line in manifest.limits)
    _, table = made_cohort(70, 12, 3)
    vectors = np.stack(list(patient_vectors(table, manifest.layout).values()))
    session = onnxruntime.InferenceSession(str(folder / MODEL_NAME), providers=["CPUExecutionProvider"])
    given = session.run([PROBABILITY_OUTPUT], {FEATURE_INPUT: vectors})[0]
    assert given.dtype == np.float64
    assert given.shape == (70, 2)
    assert np.all(given[:, 1] >= given[:, 0])
    assert np.all((given > 0) & (given < 1))
    assert len(manifest.check_vectors) == 4
    assert manifest.population.n_phantoms == 0
    text = (folder / CARD_NAME).read_text("utf-8")
    assert "## Can it be believed?" in text
    assert "| mean HU | " in text
    assert "Demonstration model" in text
    assert "RESEARCH USE ONLY" in text


def test_the_same_run_gives_the_same_bundle_byte_for_byte(finished_run: Path, tmp_path: Path) -> None:
    first = export_bundle(request(finished_run, tmp_path / "a"), radiomics_recipe)
    second = export_bundle(request(finished_run, tmp_path / "b"), radiomics_recipe)

    for name in ("manifest.json", MODEL_NAME, CARD_NAME):
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"despite_size": False}, "too small"),
        ({"classifiers": (("osteoporosis", "RF"),)}, "holds no RF"),
        ({"classifiers": ()}, "no task"),
        ({"classifiers": BOTH[::-1]}, "can only be osteoporosis"),
        ({"input": "T1"}, "holds no SVM"),
    ],
)
def test_what_may_not_be_exported_is_refused_and_leaves_nothing(
    finished_run: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportRefused, match=message) as caught:
        export_bundle(request(finished_run, tmp_path / "bundles", **changes), radiomics_recipe)

    assert caught.value.code == "EXPORT_REFUSED"
    assert caught.value.next_step
    assert not (tmp_path / "bundles").exists()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("mode",), "paper", "paper mode"),
        (("features", "settings_sha256"), "", "does not state"),
        (("features", "acquisition"), {}, "would have no ranges"),
        (("cohort", "sha256"), "0" * 64, "changed since the run"),
        (("tasks", 0, "deployable"), False, "cannot tell apart"),
        (("format",), 99, "not of format"),
    ],
)
def test_a_run_that_may_not_be_exported_is_refused(
    finished_run: Path, tmp_path: Path, path: tuple[str | int, ...], value: object, message: str
) -> None:
    document = json.loads((finished_run / "metrics.json").read_text("utf-8"))
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    (tmp_path / "metrics.json").write_text(json.dumps(document), "utf-8")

    with pytest.raises(ExportRefused, match=message):
        export_bundle(request(tmp_path, tmp_path / "bundles"), radiomics_recipe)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportRefused, match=r"holds no readable metrics\.json"):
        export_bundle(request(tmp_path, tmp_path / "bundles"), radiomics_recipe)


def test_a_bundle_is_never_overwritten(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "made-up").mkdir()

    with pytest.raises(ExportRefused, match="exists already"):
        export_bundle(request(finished_run, tmp_path), radiomics_recipe)


def test_paper_mode_cannot_be_exported(tmp_path: Path) -> None:
    cohort, table = made_cohort(60, 12, 3)
    cohort_file = write_cohort_csv(cohort, tmp_path / "cohort.csv")
    save_features(table, tmp_path / "features.npz")
    recipe = radiomics_recipe("xue2022")
    settings = RunSettings(mode=Mode.PAPER, tasks=("osteoporosis",), families=("KNN",), resamples=100)
    runs = run_recipe(recipe, cohort, table, settings)
    document = run_document(
        recipe, settings, runs, cohort, table, RunFiles(cohort_file, tmp_path / "features.npz", "run")
    )
    write_document(document, tmp_path)

    with pytest.raises(ExportRefused, match="optimistic by construction"):
        export_bundle(request(tmp_path, tmp_path / "bundles", classifiers=(("osteoporosis", "KNN"),)), radiomics_recipe)


def test_a_model_of_phantoms_can_only_be_a_demonstration(finished_run: Path, tmp_path: Path) -> None:
    document = read_document(finished_run)
    of_phantoms = {**document, "cohort": {**document["cohort"], "phantoms": 7}}
    as_real = request(finished_run, tmp_path, text=replace(TEXT, demonstration=False))

    with pytest.raises(ExportRefused, match="7 patients are digital phantoms"):
        admitted(of_phantoms, as_real)
    assert admitted(document, as_real)
    assert admitted(of_phantoms, request(finished_run, tmp_path))


@pytest.fixture(scope="module")
def noise_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose features are noise."""
    folder = tmp_path_factory.mktemp("noise")
    cohort, table = made_cohort(60, 6, 0)
    cohort_file = write_cohort_csv(cohort, folder / "cohort.csv")
    save_features(table, folder / "features.npz")
    recipe = radiomics_recipe("xue2022")
    settings = RunSettings(tasks=("osteoporosis",), families=("KNN",), repeats=1, folds=3, resamples=100)
    people = read_cohort(cohort_file, need_studies=False).cohort
    made = load_features(folder / "features.npz")
    runs = run_recipe(recipe, people, made, settings)
    files = RunFiles(cohort_file, folder / "features.npz", "trabecula-train run xue2022")
    write_document(run_document(recipe, settings, runs, people, made, files), folder)
    return folder


def test_a_model_whose_verdict_is_no_is_not_exported_unless_told_and_says_so_everywhere(
    noise_run: Path, tmp_path: Path
) -> None:
    wish = request(noise_run, tmp_path, classifiers=(("osteoporosis", "KNN"),))

    with pytest.raises(ExportRefused, match=r"the verdict on KNN for osteoporosis is no: Better than chance\?"):
        export_bundle(replace(wish, despite_verdict=False), radiomics_recipe)
    assert not list(tmp_path.iterdir())

    bundle = load_bundle(export_bundle(wish, radiomics_recipe))
    used = list(bundle.manifest.training_range.used)  # type: ignore[union-attr]
    known = [np.zeros((1, 24)) for _ in bundle.manifest.check_vectors]
    for row, vector in zip(known, bundle.manifest.check_vectors, strict=True):
        row[0, used] = vector.values
    ModelGraph(bundle, FEATURE_INPUT, (), known)
    assert bundle.manifest.verdict is ModelVerdict.NO
    validation = bundle.manifest.endpoints[0].validation
    assert validation is not None
    assert len(validation.findings) == 5
    text = (bundle.folder / CARD_NAME).read_text("utf-8")
    assert "Not supported by its own validation" in text.split("## ")[0]
    assert "verdict of its own validation: **no**" in text


def test_phantoms_are_known_by_their_images_not_by_their_name(tmp_path: Path) -> None:
    cohort, table = made_cohort(40, 6, 2)
    marked = {place: {**facts, "phantom": "YES"} for place, facts in table.facts.items() if place[0] < "p010"}
    table = replace(table, facts={**table.facts, **marked})

    assert cohort_facts(cohort)["phantoms"] == 0
    assert cohort_facts(cohort, table)["phantoms"] == 10
