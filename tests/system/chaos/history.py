"""Histories: one JSON line for each thing that happened, written at once by the one it happened to."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any


class History:
    """A file that several threads add lines to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, what: str, **facts: object) -> None:
        line = json.dumps({"at": time.time(), "what": what, **facts})
        with self._lock, self._path.open("a") as stream:
            stream.write(line + "\n")


def read_history(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a history; none where nothing has happened."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
