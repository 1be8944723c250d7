"""What parallel test processes must not share: ports, cores, and the order in which they take their work.

With ``pytest -n 2 --dist loadgroup --no-loadscope-reorder`` (``make test``) a file is one piece of work, so that its
module fixtures are made once; a test marked ``xdist_group`` is a piece of its own. Tests marked ``serial`` measure time
or memory and run afterwards, alone.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator

import pytest

LONGEST_FIRST = (
    "tests/system/",
    "tests/trabecula_training/segmenter/training/test_training.py",
    "tests/trabecula_training/segmenter/drawing/test_closeups.py",
    "tests/metamorphic/",
    "tests/trabecula_training/cnn/",
    "tests/trabecula_training/commands/",
)
"""Beginnings of the node ids that begin the run, in this order: what takes a minute of one core, or more, must not be
what everybody waits for at the end."""

_FIRST_PORT, _PORTS_EACH, _WORKERS = 15000, 1000, 16
"""Below the range from which the kernel takes ports for outgoing connections (32768 on), a thousand for each worker."""


def worker_number() -> int:
    """Return which of the parallel processes this is, from 0; 0 as well where there is only one."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def _candidates() -> Iterator[int]:
    """This worker's ports, over and over, from a place that differs between runs on one machine."""
    first = _FIRST_PORT + _PORTS_EACH * (worker_number() % _WORKERS)
    start = random.SystemRandom().randrange(_PORTS_EACH)
    return (first + (start + step) % _PORTS_EACH for step in itertools.count())


_PORTS = _candidates()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on and that no other worker is given."""
    for port in itertools.islice(_PORTS, _PORTS_EACH):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port of this worker is taken")


def like_one_alone() -> None:
    """Give a parallel process, and its children, one core and the width that a test run alone has.

    The numeric libraries use one core each, as the others have work. COLUMNS and LINES come from the readline of the
    process that starts the workers, not from anybody's wish.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)


def arrange(items: list[pytest.Item]) -> None:
    """Make each file one piece of work (unless a test says otherwise) and put the longest first; the rest stays."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    """The place of a test's file in LONGEST_FIRST; behind them all for the others."""
    found = (place for place, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start))
    return next(found, len(LONGEST_FIRST))
