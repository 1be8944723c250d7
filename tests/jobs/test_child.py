from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.helpers import ROOT, child_command, has_ended, wait_for
from trabecula.domain.errors import (
    AnalysisCrashed,
    AnalysisDefect,
    AnalysisTimeout,
    GeometryInvalid,
    SpoolUnavailable,
    TrabeculaError,
)
from trabecula.domain.study.study import StoredFile
from trabecula.jobs.child import ChildRunner
from trabecula.ledger.artifacts import ArtifactStore
from trabecula.pipeline import Interrupted, StageRequest


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def request_in(folder: Path) -> StageRequest:
    files = (StoredFile(str(folder / "a.dcm"), "1.2.3", "1.2", "1.5"),)
    return StageRequest(study_uid="1.2", revision=1, files=files, folder=str(ArtifactStore(folder).folder("1.2", 1)))


def runner(mode: str, timeout_s: float = 100.0) -> ChildRunner:
    return ChildRunner(child_command(mode), timeout_s)


def test_a_child_leaves_its_artifacts_and_nothing_else(tmp_path: Path) -> None:
    runner("plain").analyse(request_in(tmp_path), lambda: False)

    assert sorted(path.name for path in (tmp_path / "1.2" / "1").iterdir()) == ["labels-0.npz", "result.json"]


def test_an_error_of_the_child_arrives_as_itself(tmp_path: Path) -> None:
    with pytest.raises(GeometryInvalid) as caught:
        runner("geometry").analyse(request_in(tmp_path), lambda: False)

    assert caught.value.sentence == "The images do not form a volume: gap of 12 mm."


@pytest.mark.parametrize(("mode", "said"), [("killed", "SIGKILL"), ("exit", "exit code 7")])
def test_a_child_that_ends_without_an_answer_is_a_crash(tmp_path: Path, mode: str, said: str) -> None:
    with pytest.raises(AnalysisCrashed) as caught:
        runner(mode).analyse(request_in(tmp_path), lambda: False)

    assert caught.value.code == "ANALYSIS_CRASHED"
    assert said in caught.value.sentence
    assert "memory" in caught.value.next_step
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("killed", AnalysisCrashed, "ended by signal SIGKILL"),
        ("segfault", AnalysisCrashed, "ended by signal SIGSEGV"),
        ("memory", AnalysisCrashed, "no memory was left"),
        ("defect", AnalysisDefect, "IndexError"),
    ],
)
def test_what_a_dead_child_was_doing_is_told_and_no_traceback_nor_value(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], mode: str, kind: type[TrabeculaError], said: str
) -> None:
    with pytest.raises(kind) as caught:
        runner(mode).analyse(request_in(tmp_path), lambda: False)

    printed = "".join(capfd.readouterr())
    assert caught.value.detail == f"{said} while decoding series 4 (1.2.3)"
    assert caught.value.retryable
    assert "Traceback" not in printed
    assert "Doe^Jane" not in printed
    assert list((tmp_path / "1.2" / "1").iterdir()) == []


def test_a_child_out_of_time_is_told_with_what_it_was_doing(tmp_path: Path) -> None:
    told = ""
    for seconds in (5, 20, 80):  # a busy machine needs longer to start the child
        with pytest.raises(AnalysisTimeout) as caught:
            runner("busy", timeout_s=seconds).analyse(request_in(tmp_path), lambda: False)
        told = caught.value.detail
        if "series" in told:
            break

    assert told == f"{seconds} s, ended while decoding series 4 (1.2.3)"


def test_a_full_disk_in_the_child_is_no_fault_of_the_study(tmp_path: Path) -> None:
    with pytest.raises(SpoolUnavailable) as caught:
        runner("disk").analyse(request_in(tmp_path), lambda: False)

    assert caught.value.detail == "No space left on device while starting"


def test_what_the_child_of_a_killed_worker_left_is_removed(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    left = Path(request.folder) / ".analyse-killed"
    left.mkdir()
    (left / "request.json").write_text("{}")

    runner("plain").analyse(request, lambda: False)

    assert not left.exists()


def test_a_child_that_takes_too_long_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    out_of_time = ChildRunner(child_command("grandchild"), timeout_s=0.0)
    patient = ChildRunner(child_command("grandchild"), timeout_s=100.0)

    with pytest.raises(AnalysisTimeout) as caught:
        out_of_time.analyse(request_in(tmp_path), lambda: False)
    with pytest.raises(Interrupted):
        patient.analyse(request_in(tmp_path), pids.exists)

    assert caught.value.code == "ANALYSIS_TIMEOUT"
    assert "analysis_timeout_seconds" in caught.value.next_step
    for pid in pids.read_text().split():
        wait_for(lambda pid=pid: has_ended(int(pid)), f"the end of process {pid}", 20)  # type: ignore[misc]


def test_a_child_dies_with_its_worker_and_takes_its_own_children_along(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.jobs.test_child import *;"
        "runner('grandchild').analyse(request_in(Path(sys.argv[1])), lambda: False)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    pids = tmp_path / "pids"
    wait_for(lambda: pids.exists() and pids.read_text(), "the child to start")

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    assert pids.read_text().split()
    for pid in pids.read_text().split():
        wait_for(lambda pid=pid: has_ended(int(pid)), f"the end of process {pid}", 20)  # type: ignore[misc]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    request = StageRequest(study_uid="1.2", revision=1, files=(), folder=str(tmp_path / "missing"))

    with pytest.raises(SpoolUnavailable) as caught:
        runner("plain").analyse(request, lambda: False)

    assert caught.value.code == "SPOOL_UNAVAILABLE"
    assert str(tmp_path / "missing") in caught.value.sentence
    assert "TRABECULA_DATA_DIR" in caught.value.next_step


def test_a_guard_whose_worker_died_before_it_started_runs_nothing(tmp_path: Path) -> None:
    guard = ROOT / "service" / "trabecula" / "jobs" / "guard.py"
    made = tmp_path / "made"

    done = subprocess.run(
        [sys.executable, "-I", "-S", str(guard), str(os.getpid() + 1), "touch", str(made)], check=False
    )

    assert done.returncode == 128 + signal.SIGTERM
    assert not made.exists()
