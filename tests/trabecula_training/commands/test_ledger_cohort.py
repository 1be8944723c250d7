"""``trabecula-train cohort-from-ledger`` on a real ledger: phantoms through the real pipeline, then cohort.csv, links
and features from the stored outlines, the same as an extraction from the images gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.analysis.truth_segmenter import TruthSegmenter
from tests.databases import embedded_url, empty
from tests.phantom_ledger import phantom_world, process
from tests.pipeline.world import World
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite
from trabecula.ledger.references.imports import import_references
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec, PhantomStudy
from trabecula.version import __version__
from trabecula_training.cli import app
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.features import extraction
from trabecula_training.features.extraction import ExtractionJob, extract_patient, store_of
from trabecula_training.features.of_cohort import Extraction, extract_features, features_place
from trabecula_training.ledger import draw as ledger_draw

TINY = CtProtocol(pixel_mm=1.2, matrix=(150, 120), thickness_mm=2.5, increment_mm=2.5)
SET = "xue2022_ct"


@pytest.fixture(scope="module")
def phantom() -> PhantomStudy:
    return make_ct_study(CtStudySpec(sample_patient(1, 2, density_l1=60.0), TINY))


@pytest.fixture(scope="module")
def world(phantom: PhantomStudy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A ledger with one processed phantom and its DXA; the segmenter that knows the truth stands for the network."""
    empty(embedded_url())
    with pytest.MonkeyPatch.context() as patch:
        made = phantom_world(embedded_url(), tmp_path_factory.mktemp("data"), [phantom], patch)
        for module in (extraction, ledger_draw):
            patch.setattr(module, "default_segmenter", lambda: TruthSegmenter([phantom]))
        process(made)
        patient, taken = made.rows("SELECT patient_id, study_date FROM studies")[0]
        day = date(int(taken[:4]), int(taken[4:6]), int(taken[6:])) + timedelta(days=-30)
        dxa = Reference(
            patient_id=patient,
            measured_on=day,
            method=ReferenceMethod.DXA,
            site=ReferenceSite.LUMBAR_SPINE,
            t_score=-3.1,
            z_score=-2.4,
            weight_kg=55.0,
        )
        assert import_references(made.engine, {2: dxa}, "tester").added == 1
        yield made
        made.engine.dispose()


def train(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cohort-from-ledger", *arguments])


def flow(*arguments: str) -> Any:
    answer = train(*arguments, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_a_processed_study_with_its_reference_becomes_a_cohort_that_a_run_reads(
    world: World, phantom: PhantomStudy, tmp_path: Path
) -> None:
    out = tmp_path / "cohort.csv"

    document = flow("--out", str(out), "--features", SET, "--stability", "0", "--workers", "1")
    reading = read_cohort(out, need_studies=True)

    assert reading.problems == ()
    (patient,) = reading.cohort.patients
    assert (patient.t_score, patient.z_score, patient.weight_kg) == (-3.1, -2.4, 55.0)
    assert phantom.patient.patient_id not in out.read_text()
    assert (document["patients"], document["median_days"], document["left_out"]) == (1, 30, {})
    assert document["flagged"] == {"in_cohort": 1, "of_cohort": 1, "in_fit_studies": 1, "of_fit_studies": 1}
    assert document["features"] == {"kept": 1, "other_version": 0, "failed": []}
    links = sorted((tmp_path / "studies" / patient.patient).iterdir())
    assert len(links) == world.rows("SELECT count(*) FROM instances")[0]
    assert all(link.is_symlink() and link.is_file() for link in links)

    study = patient.study
    assert study is not None
    store = store_of(tmp_path / f"features-{SET}", SET, ledger_draw.segmenter_digest())
    kept = store.find(patient.patient, study, perturbed=False)
    table = extract_features(reading.cohort, Extraction(SET), features_place(out, SET, tmp_path))
    anew = extract_patient(
        ExtractionJob(
            patient=patient.patient,
            folder=study,
            set_name=SET,
            perturb=False,
            make_segmenter=lambda: TruthSegmenter([phantom]),
        )
    )
    assert kept is not None
    assert kept.features.keys() == anew.features.keys()
    for place, vector in anew.features.items():
        np.testing.assert_allclose(kept.features[place], vector, rtol=1e-12, atol=0)
        np.testing.assert_equal(kept.measures[place], anew.measures[place])
    assert kept.facts[SeriesRole.CT] == anew.facts[SeriesRole.CT]
    rows = np.stack([np.concatenate([vector, kept.measures[place]]) for place, vector in kept.features.items()])
    np.testing.assert_array_equal(table.values, rows)


def test_people_see_the_flow_the_bias_and_the_next_command(world: World, tmp_path: Path) -> None:
    shown = train("--out", str(tmp_path / "cohort.csv"), "--copy").stdout

    assert "patients in the cohort, one study each" in shown
    assert "1 osteoporosis" in shown
    assert "100% of the cohort" in shown
    assert "trabecula-train run RECIPE --cohort" in shown
    images = list((tmp_path / "studies").rglob("*.dcm"))
    assert images
    assert not any(path.is_symlink() for path in images)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--window-days", "10"), "no DXA within 10 days"),
        (("--reference", "QCT"), "no QCT is imported"),
        (("--modality", "MR"), "not measured on T1w and T2w"),
    ],
)
def test_an_empty_cohort_says_why(world: World, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    answer = train("--out", str(tmp_path / "cohort.csv"), *arguments)

    assert answer.exit_code == 2
    assert answer.stderr.startswith("LEDGER_COHORT_EMPTY")
    assert told in " ".join(answer.stderr.split())
    assert not (tmp_path / "cohort.csv").exists()


def test_outlines_of_another_version_are_not_taken(world: World, tmp_path: Path) -> None:
    change = "UPDATE revisions SET result = jsonb_set(result, '{versions,software}', to_jsonb(CAST(:version AS text)))"
    world.rows(change, version="0.0.1")
    try:
        document = flow("--out", str(tmp_path / "cohort.csv"), "--features", SET)
    finally:
        world.rows(change, version=__version__)

    assert document["features"] == {"kept": 0, "other_version": 1, "failed": []}
    assert document["patients"] == 1


@pytest.mark.parametrize("arguments", [("--features", "jiang2026_mr"), ("--features", "none"), ("--keep", "KVP")])
def test_what_does_not_fit_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert train("--out", str(tmp_path / "cohort.csv"), *arguments).exit_code == 2
