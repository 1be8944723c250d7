"""A study whose analysis dies each time, through the whole service: the PACS gets its answer, the admin the cause."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from tests.system.conftest import StudyOnDisk
from tests.system.service import Installation, storescu

pytestmark = pytest.mark.system


def test_a_study_that_kills_its_analysis_is_reported_as_not_evaluable(
    tmp_path: Path,
    installation: Callable[..., Installation],
    storescp: tuple[int, Path],
    require_tool: Callable[[str], str],
    mr_study: StudyOnDisk,
) -> None:
    # Arrange: the site's segmenter kills the process that runs it, as the kernel does when memory ends
    sender, validator = require_tool("storescu"), require_tool("dciodvfy")
    port, folder = storescp
    program = {"command": 'sh -c "kill -9 $PPID" {input}', "label_map": "trabecula"}
    service = installation(
        destinations=f"DCMTK=DCMTK@127.0.0.1:{port}",
        segmenter="deadly",
        external_segmenters=json.dumps({"deadly": program}),
        max_attempts=2,
    )
    serve = service.start(tmp_path / "serve.log")
    try:
        serve.wait_for_line("trabecula is ready")

        # Act
        storescu(sender, mr_study.files, service.port)
        document = service.wait_until_final(mr_study.uid)
        listed = json.loads(service.command("studies", "list", "--reason", "ANALYSIS_FAILED", "--json").stdout)
        told = service.command("studies", "show", mr_study.uid).stdout
    finally:
        serve.end()

    # Assert
    assert (document["state"], document["category"]) == ("DONE", "NOT_EVALUABLE"), document
    received = [pydicom.dcmread(path) for path in folder.iterdir()]
    (report,) = (item for item in received if item.Modality == "SR")
    text = report.to_json()
    assert sorted(item.Modality for item in received) == ["OT", "SR"]
    assert "ANALYSIS-FAILED" in text
    assert "ended by signal SIGKILL while segmenting series" in text
    assert [study["study_uid"] for study in listed["studies"]] == [mr_study.uid]
    assert document["failure"]["code"] == "ANALYSIS_CRASHED"
    assert "while segmenting series" in document["failure"]["sentence"]
    assert "GAVE_UP" in told
    assert "ANALYSIS_CRASHED" in told
    log = (tmp_path / "serve.log").read_text()
    assert "Traceback" not in log
    assert str(pydicom.dcmread(mr_study.files[0]).PatientID) not in log
    for path in folder.iterdir():
        checked = subprocess.run([validator, str(path)], capture_output=True, text=True, check=False)
        assert not [line for line in checked.stderr.splitlines() if line.startswith("Error")], checked.stderr
