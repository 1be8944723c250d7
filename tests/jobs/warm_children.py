"""A fork server for tests: ``warm_children.py MODE CONTROL``; its children are small_child's, with its bad habits."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

from tests.jobs.small_child import work
from trabecula.jobs.forking import ForkServer
from trabecula.jobs.inside import run_child


def main() -> None:
    """Serve until the control socket is closed; mode ``threads`` has a thread, as a library might start one."""
    mode = sys.argv[1]
    if mode == "threads":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        mode = "plain"

    def work_of(verb: str, request_file: Path) -> int:
        if mode == "environment":
            (request_file.parent / "threads").write_text(os.environ.get("OPENBLAS_NUM_THREADS", "unset"))
            return 0
        return run_child(request_file, lambda request: work(mode, verb, request))

    with socket.socket(fileno=int(sys.argv[2])) as control:
        ForkServer(control, work_of).serve()


if __name__ == "__main__":
    main()
