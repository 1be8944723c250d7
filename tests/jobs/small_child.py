"""A child program for tests: ``small_child.py MODE analyse|report request.json``; the modes are its bad habits."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.pipeline.world import SmallAnalyser, SmallLoader, SmallReporter
from trabecula.domain.errors import GeometryInvalid
from trabecula.domain.study.activity import doing, series_in_words
from trabecula.jobs.inside import run_child
from trabecula.ledger.label_maps import AnalysisStore
from trabecula.pipeline import StageRequest, run_analysis, run_report

SERIES_4 = f"decoding {series_in_words(4, '1.2.3')}"


def work(mode: str, verb: str, request: StageRequest) -> None:
    """Do the work; ``hold`` in the results folder makes the analysis wait until it is gone."""
    root = Path(request.folder).parents[1]
    if mode == "geometry":
        raise GeometryInvalid("gap of 12 mm")
    if mode in ("killed", "segfault", "busy"):
        doing(SERIES_4)
        if mode == "busy":
            time.sleep(600)
        os.kill(os.getpid(), signal.SIGKILL if mode == "killed" else signal.SIGSEGV)
    if mode == "memory":
        doing(SERIES_4)
        resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
        np.ones(2**34, np.uint8)
    if mode == "defect":
        doing(SERIES_4)
        raise IndexError("Doe^Jane 4711")
    if mode == "disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data")
    if mode == "exit":
        sys.exit(7)
    if mode == "grandchild":
        grandchild = subprocess.Popen(["sleep", "600"])
        (root / "pids").write_text(f"{os.getpid()} {grandchild.pid}")
        time.sleep(600)
    if verb == "analyse":
        with (root / "started").open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        while (root / "hold").exists():
            time.sleep(0.02)
        run_analysis(request, SmallAnalyser(), AnalysisStore(root))
    else:
        run_report(request, SmallLoader(), SmallReporter(), AnalysisStore(root))


if __name__ == "__main__":
    sys.exit(run_child(Path(sys.argv[3]), lambda request: work(sys.argv[1], sys.argv[2], request)))
