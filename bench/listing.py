"""``trabecula studies list``: the whole process, on an embedded database that runs already."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.builders import write_series

from bench import _latest
from bench._latest import Entry
from bench._receivers import ROOT
from bench._service import service

SEED = 1


def main() -> None:
    """Call it so often, record the median of the wall seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--remark", default="", help="what else ran on the machine")
    parser.add_argument("--json", type=Path, default=_latest.LATEST, help=argparse.SUPPRESS)
    options = parser.parse_args()
    seconds = []
    with tempfile.TemporaryDirectory() as scratch, service(Path(scratch) / "service") as running:
        running.send(write_series(Path(scratch) / "images", 3, study=1))
        running.wait_for("SELECT count(*) FROM studies WHERE state = 'DONE'", 1)
        command = [sys.executable, "-m", "trabecula", "studies", "list"]
        for _ in range(options.repeats):
            started = time.perf_counter()
            subprocess.run(command, env=running.environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
    middle = statistics.median(seconds)
    print(f"studies list: {middle:.2f} s (median of {len(seconds)}, {min(seconds):.2f} to {max(seconds):.2f})")
    against = "at most 0.5 s for the whole process on two quiet cores, one study in the ledger"
    _latest.record([Entry("list_seconds", middle, "s", against)], seed=SEED, remark=options.remark)


if __name__ == "__main__":
    main()
