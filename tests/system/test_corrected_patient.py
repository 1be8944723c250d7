"""The same study sent again with a corrected patient, end to end: the report at the receiver names the right one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from tests.system.conftest import StudyOnDisk
from tests.system.service import Installation, storescu

pytestmark = pytest.mark.system

RIGHT = {"PatientID": "CORRECTED-01", "PatientName": "CORRECTED^NAME"}


def corrected(study: StudyOnDisk, folder: Path) -> list[Path]:
    """Write the study's files with another patient; everything else stays."""
    folder.mkdir()
    for number, file in enumerate(study.files):
        data_set = pydicom.dcmread(file)
        for keyword, value in RIGHT.items():
            setattr(data_set, keyword, value)
        data_set.save_as(folder / f"{number:04d}.dcm")
    return sorted(folder.iterdir())


def test_a_corrected_patient_reaches_the_receiver_when_an_operator_says_so(
    tmp_path: Path,
    installation: Callable[..., Installation],
    storescp: tuple[int, Path],
    require_tool: Callable[[str], str],
    mr_study: StudyOnDisk,
) -> None:
    # Arrange: a study that is done, reported for the wrong patient
    sender = require_tool("storescu")
    port, folder = storescp
    service = installation(destinations=f"DCMTK=DCMTK@127.0.0.1:{port}")
    serve = service.start(tmp_path / "serve.log")
    images = len(mr_study.files)
    newer = corrected(mr_study, tmp_path / "newer")
    try:
        serve.wait_for_line("trabecula is ready")
        storescu(sender, mr_study.files, service.port)
        service.wait_until_final(mr_study.uid)

        # Act: most of it again, then all of it; the operator decides
        storescu(sender, newer[:-1], service.port, calling="PACS")
        early = service.command("studies", "adopt", mr_study.uid, "--reason", "wrong patient", "--json")
        storescu(sender, newer[-1:], service.port, calling="PACS")
        shown = service.show(mr_study.uid)
        done = service.command("studies", "adopt", mr_study.uid, "--reason", "wrong patient", "--json")
        assert done.returncode == 0, done.stderr
        second = service.wait_for(
            mr_study.uid, lambda item: item["revision"] == 2 and item["state"] == "DONE", "revision 2"
        )
        storescu(sender, newer, service.port, calling="PACS")
        after = service.show(mr_study.uid)
        left = service.command("quarantine", "list", "--json")
    finally:
        serve.end()

    # Assert
    log = serve.log.read_text()
    assert early.stderr.startswith("CORRECTION_INCOMPLETE: ")
    assert f"1 of {images} images did not come again" in early.stderr
    assert shown is not None
    (conflict,) = shown["conflicts"]
    assert (shown["state"], shown["revision"]) == ("DONE", 1)
    assert (conflict["images"], conflict["pixels_equal"], conflict["calling_ae_title"]) == (images, True, "PACS")
    assert [item["name"] for item in conflict["attributes"]] == ["Patient's Name", "Patient ID"]
    assert json.loads(done.stdout)["taken"] == images
    assert (second["conflicts"], json.loads(left.stdout)) == ([], [])
    assert after is not None
    assert after["revision"] == 2
    objects = [pydicom.dcmread(path) for path in folder.iterdir()]
    wrong = pydicom.dcmread(mr_study.files[0]).PatientID
    reports = {str(item.PatientID): item for item in objects if item.Modality == "SR"}
    assert set(reports) == {wrong, RIGHT["PatientID"]}
    newest = reports[RIGHT["PatientID"]]
    before = newest.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert before.ReferencedSOPInstanceUID == reports[wrong].SOPInstanceUID
    assert str(newest.PatientName) == RIGHT["PatientName"]
    assert sorted(item.Modality for item in objects if item.PatientID == RIGHT["PatientID"]) == ["OT", "SEG", "SR"]
    assert all(word not in log for word in (*RIGHT.values(), str(wrong)))
