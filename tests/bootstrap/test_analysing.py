from __future__ import annotations

import pytest

from trabecula.bootstrap.analysing import threads_of


@pytest.mark.parametrize(
    ("workers", "cores", "threads"), [(1, 1, 1), (1, 2, 2), (2, 2, 1), (3, 2, 1), (15, 16, 2), (1, 16, 4)]
)
def test_an_analysis_uses_the_cores_that_no_other_worker_has(workers: int, cores: int, threads: int) -> None:
    assert threads_of(workers, cores) == threads
