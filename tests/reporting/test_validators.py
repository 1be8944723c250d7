"""What independent programs say about our objects: dciodvfy, PixelMed's DicomSRValidator, DCMTK."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from highdicom.sr import srread
from pydicom import dcmread

from tests.reporting.builders import Study, not_evaluable_result, result_of
from tests.reporting.sr.test_content_tree import rich_result, two_sequences
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import Category
from trabecula.domain.uids import InstanceUid, SeriesUid
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter

JAVA = (
    "-Djdk.xml.xpathTotalOpLimit=0 -Djdk.xml.xpathExprGrpLimit=0 -Djdk.xml.xpathExprOpLimit=0 -Xss64m "
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
)
"""PixelMed's rules need more XPath steps than today's Java allows by default; one short run needs no optimiser."""
PIXELMED = "/usr/share/java/pixelmed.jar"
PREDECESSOR = Predecessor(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34",
    sop_instance_uid=InstanceUid("1.2.9.1"),
    series_uid=SeriesUid("1.2.9"),
    analysed_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
)

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def files(ct: Study, mr: Study, enhanced_mr: Study, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of object of every kind of study, as files by name."""
    folder = tmp_path_factory.mktemp("objects")
    reporter = DicomReporter(ReportingConfig())
    cases = {
        "ct": (ct.analysis(rich_result(ct)), ct.context(predecessors=(PREDECESSOR,))),
        "mr": (mr.analysis(result_of(mr)), mr.context()),
        "mr-two": (mr.analysis(two_sequences(mr)), mr.context()),
        "enhanced": (enhanced_mr.analysis(result_of(enhanced_mr)), enhanced_mr.context()),
        "none": (Analysis(not_evaluable_result(), ()), ct.context()),
        "few": (ct.analysis(result_of(ct, category=Category.NOT_EVALUABLE, summary=())), ct.context()),
    }
    found = {}
    for case, (analysis, context) in cases.items():
        for item in reporter.report(analysis, context):
            for number, version in enumerate((item, *item.alternatives)):
                path = folder / f"{case}-{item.kind.value}{number or ''}.dcm"
                path.write_bytes(version.content)
                found[path.stem] = path
    return found


def run(*command: str) -> str:
    environment = {**os.environ, "JAVA_TOOL_OPTIONS": JAVA}
    done = subprocess.run(
        command, capture_output=True, check=False, text=True, errors="replace", timeout=550, env=environment
    )
    return done.stdout + done.stderr


def test_dciodvfy_finds_no_error(files: dict[str, Path], require_tool: Callable[[str], str]) -> None:
    program = require_tool("dciodvfy")

    found = {name: run(program, str(path)) for name, path in files.items()}

    assert len(found) == 29
    errors = {name: [line for line in text.splitlines() if line.startswith("Error")] for name, text in found.items()}
    assert {name: lines for name, lines in errors.items() if lines} == {}


@pytest.mark.parametrize("name", ["ct-SR", "ct-SR1", "ct-SR2", "mr-SR", "mr-two-SR", "none-SR", "few-SR"])
def test_the_sr_validator_finds_no_error(files: dict[str, Path], require_tool: Callable[[str], str], name: str) -> None:
    program = require_tool("DicomSRValidator")

    text = run(program, "-checktemplateid", "-checkcontentitemorder", str(files[name]))

    assert "Root Template Validation Complete" in text
    assert "IOD validation complete" in text
    assert [line for line in text.splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize("name", ["ct-SR", "ct-SR1", "ct-SR2", "mr-two-SR", "none-SR", "few-SR"])
def test_dcmtk_shows_the_answer_with_its_names(
    files: dict[str, Path], require_tool: Callable[[str], str], name: str
) -> None:
    text = run(require_tool("dsr2html"), "+U8", "+Cm", str(files[name]))

    assert "Opportunistic bone density category" in text
    assert "Impression" in text
    assert "RESEARCH USE ONLY" in text
    dump = run(require_tool("dsrdump"), str(files[name]))
    assert "Qualitative Evaluations" in dump
    assert "CONTINUOUS" not in dump


@pytest.mark.parametrize("name", ["ct-SEG", "mr-SEG", "enhanced-SEG"])
def test_the_instance_validator_finds_no_error(
    files: dict[str, Path], require_tool: Callable[[str], str], name: str, tmp_path: Path
) -> None:
    """PixelMed's, for the segmentation; it does not know the Secondary Capture IOD, nor names beyond ASCII in UTF-8."""
    copy = dcmread(files[name])
    copy.PatientName = "Mueller^Eva"
    copy.save_as(tmp_path / "seg.dcm")
    program = (require_tool("java"), "-cp", PIXELMED, "com.pixelmed.validate.DicomInstanceValidator")
    text = run(*program, str(tmp_path / "seg.dcm"))

    assert "Found Segmentation IOD" in text
    assert "IOD validation complete" in text
    assert [line for line in text.splitlines() if line.startswith("Error")] == []


def test_highdicom_reads_every_report_back(files: dict[str, Path]) -> None:
    reports = {name: path for name, path in files.items() if "-SR" in name}
    assert len(reports) == 18
    for name, path in reports.items():
        found = srread(path)
        if name.startswith("none"):
            assert found.ConceptNameCodeSequence[0].CodeValue == "18748-4"
            continue
        read = found.content.get_volumetric_roi_measurement_groups()
        assert "L1" in [group.tracking_identifier for group in read], name
        for group in read:
            assert group.tracking_uid
            assert len(group.get_measurements()) >= 1


def test_dcmtk_reads_every_object(files: dict[str, Path], require_tool: Callable[[str], str]) -> None:
    program = require_tool("dcm2json")

    for name, path in files.items():
        assert "StudyInstanceUID" in run(program, "--formatted-code", str(path)) or '"0020000D"' in run(
            program, str(path)
        ), name
