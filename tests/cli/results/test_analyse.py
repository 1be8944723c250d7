from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from typer.testing import CliRunner

from trabecula.cli.main import app
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.study import MrStudySpec


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_study(
        make_mr_study(MrStudySpec(sample_patient(3, 1, age_years=60, density_l1=110.0), case="analyse")), folder
    )
    return folder


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRABECULA_CONFIG", raising=False)


def test_report_and_picture_are_in_the_language_that_is_asked_for(study_folder: Path, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["analyse", str(study_folder), "--out", str(tmp_path), "--language", "de"])

    assert answer.exit_code == 0
    assert pydicom.dcmread(tmp_path / "sr.dcm").SeriesDescription == "Trabecula KI-Ergebnis (nicht geprüft)"
    assert json.loads((tmp_path / "result.json").read_text())["impression"][0].startswith("VBQ ")
    wrong = CliRunner().invoke(app, ["analyse", str(study_folder), "--out", str(tmp_path), "--language", "german"])
    assert wrong.exit_code == 2
    assert "did you mean de?" in " ".join(wrong.output.split())


def test_a_folder_becomes_a_result_three_objects_and_a_picture(study_folder: Path, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["analyse", str(study_folder), "--out", str(tmp_path), "--json"])

    document = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert document == json.loads((tmp_path / "result.json").read_text())
    assert [level["level"] for level in document["levels"] if level["evaluable"]]
    assert {item["kind"] for item in document["objects"]} == {"SR", "SEG", "SC"}
    assert pydicom.dcmread(tmp_path / "sr.dcm").SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    assert pydicom.dcmread(tmp_path / "seg.dcm").Modality == "SEG"
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size[0] >= 1000


@pytest.mark.parametrize(("content", "says"), [(None, "does not exist"), (b"nonsense", "no DICOM file")])
def test_what_is_no_study_gets_a_code_a_sentence_and_a_next_step(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    folder = tmp_path / "input"
    if content is not None:
        folder.mkdir()
        (folder / "file").write_bytes(content)

    answer = CliRunner().invoke(app, ["analyse", str(folder), "--out", str(tmp_path / "out")])

    assert answer.exit_code == 2
    assert answer.stderr.startswith("INPUT_UNREADABLE: ")
    assert says in answer.stderr
    assert "folder of DICOM files" in answer.stderr


def test_a_folder_of_two_studies_asks_which_one_is_meant(study_folder: Path, tmp_path: Path) -> None:
    for name, uid in (("one", None), ("other", "2.25.77")):
        image = pydicom.dcmread(next(study_folder.rglob("*.dcm")))
        image.StudyInstanceUID = uid or image.StudyInstanceUID
        (tmp_path / "in").mkdir(exist_ok=True)
        image.save_as(tmp_path / "in" / f"{name}.dcm")

    answer = CliRunner().invoke(app, ["analyse", str(tmp_path / "in"), "--out", str(tmp_path / "out")])

    assert answer.exit_code == 2
    assert "SEVERAL_STUDIES" in answer.stderr
    assert "2.25.77" in answer.stderr
    assert "--study" in answer.stderr
