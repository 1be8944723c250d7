"""Processes that draw spines and samples: one thread each, so that they do not wait for one another's."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

from threadpoolctl import threadpool_limits


def drawing_processes(count: int) -> ProcessPoolExecutor:
    """``count`` processes of one thread each; with BLAS's threads in every one they would fight for the same cores."""
    return ProcessPoolExecutor(count, initializer=use_one_thread)


def use_one_thread(_: int = 0) -> None:
    """Keep this process to one thread of BLAS and OpenMP."""
    threadpool_limits(1)
