from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.jobs.helpers import ROOT, child_command, has_ended, wait_for
from tests.jobs.test_child import from_the_root, request_in
from trabecula.bootstrap.services import SERVER_COMMAND
from trabecula.domain.errors import AnalysisCrashed, AnalysisDefect, AnalysisTimeout, GeometryInvalid, TrabeculaError
from trabecula.jobs.child import ChildRunner
from trabecula.jobs.warm import ForkServerLost, WarmServer
from trabecula.pipeline import Interrupted

__all__ = ["from_the_root"]

WarmRunner = Callable[..., ChildRunner]


def server_of(mode: str) -> WarmServer:
    return WarmServer([sys.executable, "-W", "ignore", "-m", "tests.jobs.warm_children", mode])


def pids_in(folder: Path) -> list[int]:
    """The child and its grandchild, once both have said who they are."""
    return [int(pid) for pid in (folder / "pids").read_text().split()]


@pytest.fixture
def warm() -> Iterator[WarmRunner]:
    """Give runners whose only way to a child is a fork server: what starts one from nothing fails here."""
    with ExitStack() as servers:

        def make(mode: str, timeout_s: float = 100.0) -> ChildRunner:
            server = server_of(mode)
            servers.callback(server.stop)
            server.start()
            return ChildRunner(["false"], timeout_s, server)

        yield make


def test_a_forked_child_leaves_its_artifacts_and_nothing_else_twice(warm: WarmRunner, tmp_path: Path) -> None:
    runner = warm("plain")

    for folder in (tmp_path / "first", tmp_path / "second"):
        runner.analyse(request_in(folder), lambda: False)
        left = sorted(path.name for path in (folder / "1.2" / "1").iterdir())
        assert left == ["labels-0.npz", "result.json"]

    children = [(tmp_path / name / "started").read_text() for name in ("first", "second")]
    assert children[0] != children[1]


@pytest.mark.parametrize(
    ("mode", "kind", "detail"),
    [
        ("geometry", GeometryInvalid, "gap of 12 mm"),
        ("exit", AnalysisCrashed, "exit code 7 while starting"),
        ("killed", AnalysisCrashed, "ended by signal SIGKILL while decoding series 4 (1.2.3)"),
        ("segfault", AnalysisCrashed, "ended by signal SIGSEGV while decoding series 4 (1.2.3)"),
        ("memory", AnalysisCrashed, "no memory was left while decoding series 4 (1.2.3)"),
        ("defect", AnalysisDefect, "IndexError while decoding series 4 (1.2.3)"),
    ],
)
def test_a_forked_child_dies_alone_and_its_death_is_told_as_that_of_any_other(
    warm: WarmRunner, tmp_path: Path, mode: str, kind: type[TrabeculaError], detail: str
) -> None:
    runner = warm(mode)

    for _ in range(2):  # the second one shows that the server lives on
        with pytest.raises(kind) as caught:
            runner.analyse(request_in(tmp_path), lambda: False)
        assert caught.value.detail == detail
    assert list((tmp_path / "1.2" / "1").iterdir()) == []


def test_a_forked_child_out_of_time_or_unwanted_is_ended_with_all_its_processes(
    warm: WarmRunner, tmp_path: Path
) -> None:
    with pytest.raises(AnalysisTimeout):
        warm("grandchild", timeout_s=0.0).analyse(request_in(tmp_path), lambda: False)
    with pytest.raises(Interrupted):
        warm("grandchild").analyse(request_in(tmp_path), (tmp_path / "pids").exists)

    for pid in pids_in(tmp_path):
        wait_for(lambda pid=pid: has_ended(pid), f"the end of process {pid}", 20)  # type: ignore[misc]


@pytest.mark.parametrize("victim", ["worker", "server"])
def test_who_dies_takes_the_children_along(tmp_path: Path, victim: str) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.jobs.test_warm import ChildRunner, request_in, server_of;"
        "server = server_of('grandchild'); server.start(); folder = Path(sys.argv[1]);"
        "(folder / 'server').write_text(str(server.pid));"
        "ChildRunner(['sleep', '600'], 600.0, server).analyse(request_in(folder), lambda: False)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    wait_for(lambda: (tmp_path / "pids").exists() and len(pids_in(tmp_path)) == 2, "the child to start")
    server = int((tmp_path / "server").read_text())

    os.kill(worker.pid if victim == "worker" else server, signal.SIGKILL)

    gone = [*pids_in(tmp_path), server]
    for pid in gone:
        wait_for(lambda pid=pid: has_ended(pid), f"the end of process {pid}", 20)  # type: ignore[misc]
    worker.kill()

    assert worker.wait() == -signal.SIGKILL
    assert all(has_ended(pid) for pid in gone)


def test_a_run_whose_server_is_killed_starts_from_nothing_and_the_next_has_a_new_server(tmp_path: Path) -> None:
    server = server_of("plain")
    server.start()
    first = server.pid
    runner = ChildRunner(child_command("plain"), 100.0, server)
    (tmp_path / "hold").touch()

    def kill_once_started() -> None:
        wait_for((tmp_path / "started").exists, "the child to start")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        (tmp_path / "hold").unlink()

    killer = threading.Thread(target=kill_once_started)
    killer.start()
    with capture_logs() as log:
        runner.analyse(request_in(tmp_path), lambda: False)
        killer.join()
        runner.analyse(request_in(tmp_path / "next"), lambda: False)
    second = server.pid
    server.stop()

    assert [entry["event"] for entry in log] == ["fork_server.lost_run", "fork_server.died"]
    assert len((tmp_path / "started").read_text().split()) == 2
    assert (tmp_path / "1.2" / "1" / "result.json").exists()
    assert second not in (None, first)


def test_a_server_with_a_thread_forks_nothing(tmp_path: Path) -> None:
    server = server_of("threads")
    child = server.fork("analyse", tmp_path / "request.json")
    wait_for(lambda: child.has_ended(0.1), "the refusal")

    with pytest.raises(ForkServerLost, match="refused"):
        child.end()
    server.stop()


@pytest.mark.parametrize("threads", [None, "7"])
def test_children_have_the_environment_of_the_worker(
    threads: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The server is started with one thread for linear algebra; what children start in turn must not notice."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if threads:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
    server = server_of("environment")
    child = server.fork("analyse", tmp_path / "request.json")
    wait_for(lambda: child.has_ended(0.1), "the child")
    code = child.end()
    server.stop()

    assert code == 0
    assert (tmp_path / "threads").read_text() == (threads or "unset")


def test_the_real_server_is_warm_and_has_one_thread(tmp_path: Path) -> None:
    """What it imports must start no thread, in whatever version it is installed; else every child starts cold."""
    server = WarmServer(SERVER_COMMAND)
    child = server.fork("analyse", tmp_path / "none.json")  # a request that is not there: the child ends at once
    wait_for(lambda: child.has_ended(0.1), "the answer")
    assert server.pid is not None
    status = Path(f"/proc/{server.pid}/status").read_text()
    maps = Path(f"/proc/{server.pid}/maps").read_text()
    code = child.end()
    server.stop()

    assert code == 3
    assert json.loads((tmp_path / "error.json").read_text())["code"] == "SPOOL_UNAVAILABLE"
    assert "Threads:\t1\n" in status
    assert "onnxruntime" in maps
    assert "_sitk" in maps.lower() or "simpleitk" in maps.lower()
