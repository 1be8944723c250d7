"""``trabecula web`` as a process of its own, on a database of a test."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parallel import free_port

_SECONDS = 90.0


@contextmanager
def served_desk(url: str, data_dir: Path, **settings: str) -> Iterator[str]:
    """Give the address of a desk that runs meanwhile; its account ``admin`` may be there already."""
    port = free_port()
    environment = os.environ | {
        "TRABECULA_DATABASE_URL": url,
        "TRABECULA_DATA_DIR": str(data_dir),
        "TRABECULA_WEB_PORT": str(port),
        "TRABECULA_LOG_LEVEL": "WARNING",
    }
    environment |= {f"TRABECULA_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "trabecula", "web"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            _wait_for(process, "web ready: ")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stdout is not None
    until = time.monotonic() + _SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < until:
            if selector.select(1.0):
                line = process.stdout.readline()
                assert line, f"it ended with {process.wait()}"
                if line.startswith(beginning):
                    return
    raise AssertionError("it did not start")
