"""``bench/results/latest.json``: the newest figure of each name, with the commit, command, machine and load of its run.

Every benchmark merges its own names; the others stay as they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LATEST = ROOT / "bench" / "results" / "latest.json"


@dataclass(frozen=True)
class Entry:
    """One figure: its name, value and unit, and what it is measured against (a stand-in is named here)."""

    name: str
    value: float
    unit: str
    against: str


def record(entries: Sequence[Entry], *, seed: int, remark: str = "", path: Path = LATEST) -> None:
    """Merge figures into the file by name; ``remark`` says what of the machine's load is not seen in its average."""
    run = {
        "commit": _commit(),
        "command": " ".join(["python", "-m", *_module(), *sys.argv[1:]]),
        "seed": seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "load": f"{os.getloadavg()[0]:.1f} over the last minute" + (f"; {remark}" if remark else ""),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        known = {entry["name"]: entry for entry in json.loads(path.read_text())} if path.exists() else {}
        for entry in entries:
            known[entry.name] = {
                "name": entry.name, "value": round(entry.value, 4), "unit": entry.unit, "against": entry.against, **run,
            }  # fmt: skip
        aside = path.with_suffix(".part")
        aside.write_text(json.dumps([known[name] for name in sorted(known)], indent=1) + "\n")
        aside.replace(path)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two benchmarks may end at the same time."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _module() -> list[str]:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return [spec.name] if spec is not None else [sys.argv[0]]


def _commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"
