"""A disk that is really full while a study is analysed: it waits, and goes on by itself when there is room."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.conftest import StudyOnDisk
from tests.system.service import Installation, storescu, wait_until

pytestmark = pytest.mark.system


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 420 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root, where it may mount, can make a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until no space is left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))


def test_a_full_disk_costs_no_study(
    tmp_path: Path,
    small_disk: Path,
    free_port: Callable[[], int],
    require_tool: Callable[[str], str],
    mr_study: StudyOnDisk,
) -> None:
    service = Installation(small_disk / "data", free_port(), min_free_gib=0.01, max_attempts=1)
    filler = small_disk / "filler"
    serve = service.start(tmp_path / "serve.log")
    try:
        serve.wait_for_line("trabecula is ready")
        storescu(require_tool("storescu"), mr_study.files[:3], service.port)
        serve.wait_for_line('"study.settled"')

        # Act
        fill(filler)
        wait_until(lambda: '"job.delayed"' in serve.log.read_text(), 60, "the full disk to be met")
        filler.unlink()
        document = service.wait_until_final(mr_study.uid)
    finally:
        serve.end()

    assert document["state"] == "DONE"
    assert document["failure"] is None
    waited = [event for event in document["events"] if event["what"] == "WAITING"]
    assert any("No space is left" in event["detail"] for event in waited)
