"""The short form of ``make chaos``, and its checker, which finds what was planted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian

from tests.system.chaos.checker import IMAGES_RECEIVED, Verdict, check
from tests.system.chaos.history import History, read_history
from tests.system.chaos.run import ROOT, chaos

pytestmark = pytest.mark.system
IMAGES = ["1.9.1", "1.9.2"]


def test_killed_parts_lose_nothing_and_double_nothing(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    require_tool("storescu")
    kinds = ("worker of cpu", "everything at once", "listener")

    verdict = chaos(tmp_path, 1, 60.0, pause_s=(1.5, 2.5), kinds=kinds, study_pause_s=2.0)

    assert verdict.is_sound, verdict
    assert verdict.studies >= 2
    assert [line["kind"] for line in read_history(tmp_path / "operator.jsonl") if line["what"] == "fault"] == [*kinds]


@pytest.fixture
def pacs(tmp_path: Path) -> Path:
    """A run of one study, 1.9, whose images were both acknowledged; the folder of what its PACS received."""
    sender = History(tmp_path / "sender.jsonl")
    sender.add("sends", study="1.9", images=IMAGES)
    sender.add("acknowledged", images=IMAGES[:1])
    sender.add("acknowledged", images=IMAGES)
    History(tmp_path / "operator.jsonl").add("fault", kind="listener")
    folder = tmp_path / "pacs"
    folder.mkdir()
    return folder


def references(uids: list[str]) -> list[Dataset]:
    items = [Dataset() for _ in uids]
    for item, uid in zip(items, uids, strict=True):
        item.ReferencedSOPInstanceUID = uid
    series, study = Dataset(), Dataset()
    series.ReferencedSOPSequence = items
    study.ReferencedSeriesSequence = [series]
    return [study]


def series_of(images: int) -> Dataset:
    """Return the part of a report that says how many images of a series had come."""
    concept, value, number, series = Dataset(), Dataset(), Dataset(), Dataset()
    concept.CodeValue = IMAGES_RECEIVED
    value.NumericValue = images
    number.ConceptNameCodeSequence, number.MeasuredValueSequence = [concept], [value]
    series.ContentSequence = [number]
    return series


def receive(folder: Path, uid: str, images: list[str], predecessors: list[str] | None = None, text: str = "") -> None:
    """Let the PACS have received a report."""
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.SOPClassUID, report.SOPInstanceUID, report.StudyInstanceUID = ComprehensiveSRStorage, uid, "1.9"
    report.Modality = "SR"
    report.SeriesDescription = text
    report.ContentSequence = [series_of(len(images))]
    if predecessors:
        report.PredecessorDocumentsSequence = references(predecessors)
    report.save_as(folder / f"{len(list(folder.iterdir()))}.dcm", enforce_file_format=True)


def counted(verdict: Verdict) -> dict[str, int]:
    return {name: getattr(verdict, name) for name in ("lost", "doubled", "stuck") if getattr(verdict, name)}


def test_one_report_of_every_image_is_sound_also_when_it_came_twice(pacs: Path) -> None:
    receive(pacs, "2.1", IMAGES)
    receive(pacs, "2.1", IMAGES)

    assert check(pacs.parent) == Verdict(studies=1, faults=1, lost=0, doubled=0, stuck=0)


def test_a_report_of_a_part_that_a_later_one_replaces_is_sound(pacs: Path) -> None:
    receive(pacs, "2.1", IMAGES[:1])
    receive(pacs, "2.2", IMAGES, ["2.1"])

    assert check(pacs.parent).is_sound


def test_a_study_without_a_report_is_stuck(pacs: Path) -> None:
    assert counted(check(pacs.parent)) == {"stuck": 1}


def test_a_report_without_an_acknowledged_image_has_lost_it(pacs: Path) -> None:
    receive(pacs, "2.1", IMAGES[:1])

    assert counted(check(pacs.parent)) == {"lost": 1}


def test_two_reports_that_do_not_know_each_other_are_doubled(pacs: Path) -> None:
    receive(pacs, "2.1", IMAGES)
    receive(pacs, "2.2", IMAGES)

    assert counted(check(pacs.parent)) == {"doubled": 1}


def test_other_bytes_under_one_uid_are_doubled_and_the_program_says_so(pacs: Path) -> None:
    receive(pacs, "2.1", IMAGES)
    receive(pacs, "2.1", IMAGES, text="other")

    command = [sys.executable, "-m", "tests.system.chaos.checker", str(pacs.parent)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert counted(check(pacs.parent)) == {"doubled": 1}
    assert answer.returncode == 1
    assert answer.stdout == '{"studies": 1, "faults": 1, "lost": 0, "doubled": 1, "stuck": 0}\n'


def test_a_study_that_was_never_wholly_acknowledged_owes_nothing(pacs: Path) -> None:
    History(pacs.parent / "sender.jsonl").add("sends", study="1.8", images=["1.8.1"])
    receive(pacs, "2.1", IMAGES)

    assert check(pacs.parent) == Verdict(studies=2, faults=1, lost=0, doubled=0, stuck=0)
