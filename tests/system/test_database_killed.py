"""The embedded PostgreSQL is killed while images arrive: it comes back by itself; nothing is lost or left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.system.conftest import StudyOnDisk
from tests.system.service import Installation, storescu, wait_until

pytestmark = pytest.mark.system


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "database" / "postmaster.pid").read_text().splitlines()[0])


def servers_of(data_dir: Path) -> list[int]:
    """Return the pids of every PostgreSQL on this folder."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and str(data_dir / "database") in (process.info["cmdline"] or ()):
            found.append(process.pid)
    return found


def test_serve_starts_its_database_again_and_the_sender_gets_everything_in(
    tmp_path: Path,
    installation: Callable[..., Installation],
    require_tool: Callable[[str], str],
    mr_study: StudyOnDisk,
) -> None:
    sender = require_tool("storescu")
    half = len(mr_study.files) // 2
    service = installation(study_quiet_seconds=12)
    serve = service.start(tmp_path / "serve.log")
    answers: list[str] = []

    def sent_again() -> bool:
        """Send the second half as a router does: again and again until every image is taken."""
        command = [sender, "-v", "-aec", "TRABECULA", "127.0.0.1", str(service.port), *map(str, mr_study.files[half:])]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        answers.append(answer.stdout + answer.stderr)
        return answer.returncode == 0 and answers[-1].count("Success") >= len(mr_study.files) - half

    try:
        serve.wait_for_line("trabecula is ready")
        storescu(sender, mr_study.files[:half], service.port)
        killed = postmaster(service.data_dir)

        # Act
        os.kill(killed, signal.SIGKILL)
        wait_until(sent_again, 60, "the second half to be accepted")
        serve.wait_for_line("database ready again", 60)
        revived = postmaster(service.data_dir)
        document = service.wait_for(mr_study.uid, lambda item: item["state"] != "RECEIVING", "the study to settle")
    finally:
        code = serve.end()

    # Assert
    refused = [answer for answer in answers if "Success" not in answer]
    assert revived != killed
    assert all("OutOfResources" in answer for answer in refused), refused
    assert document["revision"] == 1
    assert f"{len(mr_study.files)} images" in service.command("studies", "show", mr_study.uid).stdout
    assert code == 0
    assert servers_of(service.data_dir) == []
    assert "Traceback" not in (tmp_path / "serve.log").read_text()
