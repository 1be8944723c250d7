"""``extract`` as people call it, and ``run`` that calls it by itself: real studies, the shipped segmenter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec
from trabecula.scoring.radiomics.feature_set import load_feature_set
from trabecula_training.cli import app
from trabecula_training.features.extraction import segmenter_digest, store_of
from trabecula_training.features.of_cohort import features_place
from trabecula_training.features.reading import load_features
from trabecula_training.features.store import PatientFeatures

TINY = CtProtocol(pixel_mm=1.2, matrix=(150, 120), thickness_mm=3.0, increment_mm=3.0)
SLICES = 30


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_study(make_ct_study(CtStudySpec(sample_patient(1, 4, age_years=70, density_l1=105.0), TINY)), folder)
    return folder


def test_extract_measures_once_says_what_gave_nothing_and_goes_on_where_it_stopped(study: Path, tmp_path: Path) -> None:
    """The second study is air: no spine, hence no features."""
    air = part_of(study, tmp_path / "air")
    for path in air.iterdir():
        data = pydicom.dcmread(path)
        data.PixelData = bytes(len(data.PixelData))
        data.save_as(path)
    cohort = tmp_path / "cohort.csv"
    sex = pydicom.dcmread(next(study.rglob("*.dcm")), stop_before_pixels=True).PatientSex
    rows = (f"whole,{study},105,70,{sex}", f"air,{air},105,70,{sex}")
    cohort.write_text("\n".join(("patient,study,qct_bmd_mg_cm3,age_years,sex", *rows)), "utf-8")
    table = tmp_path / "made" / "features.npz"
    arguments = ["extract", "--cohort", str(cohort), "--settings", "xue2022_ct", "--out", str(table), "--workers", "1"]

    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    parts = {path: path.stat().st_mtime_ns for path in (tmp_path / "made" / "features").iterdir()}
    digest = load_features(table).sha256()
    table.unlink()
    second = CliRunner().invoke(app, arguments)

    assert second.exit_code == 0, second.output
    assert "1 of 2 patients, 4 bodies" in first.output
    found = load_features(table)
    assert found.sha256() == digest
    assert list(found.absent) == ["air"]
    assert {path: path.stat().st_mtime_ns for path in parts} == parts
    assert len(parts) == 2


def test_an_unknown_feature_set_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["extract", "--cohort", "c.csv", "--settings", "mine", "--out", "f.npz"])

    assert answer.exit_code == 2
    assert "mine is none of" in answer.output


def test_a_run_without_a_table_takes_the_features_that_were_kept(study: Path, tmp_path: Path) -> None:
    cohort = kept_cohort(study, tmp_path)
    arguments = ["run", "xue2022", "--cohort", str(cohort), "--out", str(tmp_path / "run"), "--models", "KNN"]
    quick = ["--tasks", "osteoporosis", "--folds", "2", "--repeats", "1", "--resamples", "100", "--stability", "0"]

    answer = CliRunner().invoke(app, [*arguments, *quick, "--workers", "1"])

    assert answer.exit_code == 0, answer.output
    document = json.loads((tmp_path / "run" / "metrics.json").read_text("utf-8"))
    assert document["tasks"][0]["evaluations"]["KNN"]["metrics"]["auc"]["estimate"] > 0.8
    assert document["features"]["path"] == "../features-xue2022_ct.npz"
    assert str(tmp_path) not in (tmp_path / "run" / "metrics.json").read_text("utf-8").replace(document["command"], "")
    assert (tmp_path / "features-xue2022_ct.npz").is_file()


def test_features_lie_beside_the_cohort_unless_that_folder_cannot_be_written(tmp_path: Path) -> None:
    absent = tmp_path / "absent" / "cohort.csv"

    assert features_place(tmp_path / "cohort.csv", "a", tmp_path / "out") == tmp_path / "features-a.npz"
    assert features_place(absent, "a", tmp_path / "out") == tmp_path / "out" / "features-a.npz"


def part_of(study: Path, target: Path) -> Path:
    """A study of the first slices alone, under identifiers of its own: enough for a series that may be measured."""
    target.mkdir()
    uid, series = generate_uid(), generate_uid()
    files = [pydicom.dcmread(path) for path in study.rglob("*.dcm")]
    for number, data in enumerate(sorted(files, key=lambda item: item.InstanceNumber)[:SLICES]):
        data.StudyInstanceUID, data.SeriesInstanceUID = uid, series
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.save_as(target / f"{number}.dcm")
    return target


def kept_cohort(study: Path, folder: Path) -> Path:
    """A cohort of 24 studies whose features were kept by an earlier extraction; the first feature follows density."""
    first = part_of(study, folder / "first")
    sex = pydicom.dcmread(first / "0.dcm", stop_before_pixels=True).PatientSex
    settings = load_feature_set("xue2022_ct")
    store = store_of(folder / "features-xue2022_ct", settings.name, segmenter_digest())
    generator = np.random.default_rng(1)
    lines = ["patient,study,qct_bmd_mg_cm3,age_years,sex"]
    for number in range(24):
        target = Path(shutil.copytree(first, folder / f"s{number}"))
        uid = generate_uid()
        for path in target.iterdir():
            data = pydicom.dcmread(path)
            data.StudyInstanceUID = uid
            data.save_as(path)
        density = 60 + 4 * number
        vectors = {(SeriesRole.CT, level): generator.normal(size=len(settings.names)) for level in MEASURED_LEVELS}
        for vector in vectors.values():
            vector[:20] += density / 5
        facts = {SeriesRole.CT: {"kvp": 120.0}}
        measures = {place: (1.4 * density, float("nan")) for place in vectors}
        store.keep(
            PatientFeatures(patient=f"p{number}", features=vectors, measures=measures, facts=facts), target, False
        )
        lines.append(f"p{number},{target.name},{density if number >= 12 else density - 40},70,{sex}")
    cohort = folder / "cohort.csv"
    cohort.write_text("\n".join(lines), "utf-8")
    return cohort
