"""The guard between a worker and its child: leads their process group and ends it all when the worker dies.

Run by path with ``python -I -S guard.py WORKER_PID COMMAND...``; standard library only, so that it starts in a moment.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1
_SIGNALLED = 128
"""Exit codes above tell the signal that ended the child, as shells do."""


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code; die with the worker, and take the whole group along."""
    worker, command = int(arguments[0]), arguments[1:]
    signal.signal(signal.SIGTERM, _end_group)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != worker:  # it died before the line above
        return _SIGNALLED + signal.SIGTERM
    code = subprocess.Popen(command).wait()
    return code if code >= 0 else _SIGNALLED - code


def _end_group(_number: int, _frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
