"""Every example of docs/api.md is run against a real ``trabecula web``, on a study with a report of the reporter."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path

import pydicom
from PIL import Image

from tests.reporting.builders import STUDY_UID
from tests.web.api.conftest import Api
from tests.web.api.served import served_desk
from tests.web.desk.conftest import Desk
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.reporting.fhir.bundle import fhir_bundle

GUIDE = Path(__file__).parents[3] / "docs" / "api.md"
_EXAMPLE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_example_of_the_guide_does_what_it_says(
    desk: Desk, reported: dict[ObjectKind, ResultObject], embedded_database_url: str, tmp_path: Path
) -> None:
    token = Api(desk).program("ann", "admin").headers["authorization"].removeprefix("Bearer ")
    examples = _EXAMPLE.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(examples) >= 8
    folder = tmp_path / "here"
    folder.mkdir()

    with served_desk(embedded_database_url, tmp_path, destinations="PACS=ARCHIVE@127.0.0.1:11199") as address:
        environment = {"PATH": "/usr/bin:/bin", "DESK": address, "TOKEN": token, "STUDY": STUDY_UID}
        for example in examples:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", example],
                env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{example}\n{done.stdout}\n{done.stderr}"

    report, page = reported[ObjectKind.STRUCTURED_REPORT].content, reported[ObjectKind.PICTURE].content
    assert json.loads((folder / "study.json").read_text())["person"]["name"] == "Doe^Jane"
    assert (folder / "report.dcm").read_bytes() == report
    assert (
        Image.open(io.BytesIO((folder / "page.png").read_bytes())).size
        == pydicom.dcmread(io.BytesIO(page)).pixel_array.shape[1::-1]
    )
    assert json.loads((folder / "bundle.json").read_text()) == json.loads(fhir_bundle(report))
    with (folder / "studies.csv").open(newline="") as lines:
        assert [row["study_uid"] for row in csv.DictReader(lines)] == [STUDY_UID]
