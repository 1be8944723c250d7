"""Tests of the search for the spine: which coarse planes belong to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.segmentation.network.search import run_around


@pytest.mark.parametrize(
    ("shown", "middle", "run"),
    [
        ("..###..", 3, (2, 4)),
        ("..###.#", 3, (2, 4)),
        ("#.####.", 2, (2, 5)),
        ("###", 0, (0, 2)),
        ("#..", 0, (0, 0)),
        ("...", 1, (1, 1)),
    ],
)
def test_what_shows_beyond_an_empty_plane_is_left_out(shown: str, middle: int, run: tuple[int, int]) -> None:
    assert run_around(np.array([mark == "#" for mark in shown]), middle) == run


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_a_run_is_unbroken_and_cannot_be_made_longer(shown: list[bool], data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(shown) - 1))

    first, last = run_around(np.array(shown), middle)

    assert first <= middle <= last
    assert all(shown[k] for k in range(first, last + 1) if k != middle)
    assert first == 0 or not shown[first - 1]
    assert last == len(shown) - 1 or not shown[last + 1]
