"""Phantom studies on disk and running peers for the tests of the whole service."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.orthanc import Orthanc
from tests.system.service import Installation, wait_until
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy


@dataclass(frozen=True)
class StudyOnDisk:
    """A phantom examination and its files."""

    study: PhantomStudy
    files: tuple[Path, ...]

    @property
    def uid(self) -> str:
        return self.study.study_uid


def on_disk(study: PhantomStudy, folder: Path) -> StudyOnDisk:
    return StudyOnDisk(study, tuple(sorted(write_study(study, folder))))


@pytest.fixture(scope="session")
def ct_study(tmp_path_factory: pytest.TempPathFactory) -> StudyOnDisk:
    patient = sample_patient(7, 1, age_years=72, density_l1=55.0)
    return on_disk(make_ct_study(CtStudySpec(patient, case="system")), tmp_path_factory.mktemp("ct"))


@pytest.fixture(scope="session")
def mr_study(tmp_path_factory: pytest.TempPathFactory) -> StudyOnDisk:
    patient = sample_patient(7, 2, age_years=66, density_l1=90.0)
    return on_disk(make_mr_study(MrStudySpec(patient, case="system")), tmp_path_factory.mktemp("mr"))


@pytest.fixture
def orthanc(
    tmp_path: Path, free_port: Callable[[], int], require_tool: Callable[[str], str]
) -> Iterator[Callable[[int], Orthanc]]:
    started: list[Orthanc] = []

    def start(trabecula_port: int) -> Orthanc:
        folder = tmp_path / "orthanc"
        folder.mkdir()
        peer = Orthanc(require_tool("Orthanc"), folder, free_port(), free_port(), trabecula_port)
        started.append(peer)
        peer.start()
        return peer

    yield start
    for peer in started:
        peer.stop()


@pytest.fixture
def storescp(
    tmp_path: Path, free_port: Callable[[], int], require_tool: Callable[[str], str]
) -> Iterator[tuple[int, Path]]:
    """DCMTK's storescp as destination: its port and the folder it writes to."""
    folder = tmp_path / "storescp"
    folder.mkdir()
    port = free_port()
    process = subprocess.Popen(
        [require_tool("storescp"), "--aetitle", "DCMTK", "--output-directory", str(folder), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    echoscu = require_tool("echoscu")

    def answers() -> bool:
        return subprocess.run([echoscu, "127.0.0.1", str(port)], capture_output=True, check=False).returncode == 0

    wait_until(answers, 20, "storescp")
    yield port, folder
    process.terminate()
    process.wait(10)


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Callable[..., Installation]:
    def make(**settings: object) -> Installation:
        return Installation(tmp_path_factory.mktemp("data"), free_port(), **settings)

    return make
