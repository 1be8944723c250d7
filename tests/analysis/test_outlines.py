"""Outlines: closed, few points, on the border of the mask, in image pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trabecula.analysis.outlines import MAX_POINTS, polygon


def disc(radius: float, centre: tuple[float, float], size: int = 60) -> NDArray[np.bool_]:
    rows, columns = np.indices((size, size))
    return np.asarray((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2)


def area(points: tuple[tuple[float, float], ...]) -> float:
    x, y = np.array(points).T
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2


@settings(max_examples=30, deadline=None)
@given(st.floats(3, 20), st.floats(22, 36), st.floats(22, 36))
def test_a_disc_is_outlined_where_it_lies(radius: float, row: float, column: float) -> None:
    mask = disc(radius, (row, column))
    points = polygon(mask)
    assert points[0] == points[-1]
    assert len(points) <= MAX_POINTS + 1
    assert area(points) == pytest.approx(mask.sum(), rel=0.12)
    assert np.mean(np.array(points[:-1]), axis=0) == pytest.approx((column, row), abs=0.6)


def test_pixels_are_outlined_along_their_edges() -> None:
    mask = np.zeros((8, 8), dtype=np.bool_)
    mask[2:6, 3:5] = True
    x, y = np.array(polygon(mask)).T
    assert (x.min(), x.max()) == pytest.approx((2.5, 4.5), abs=0.3)
    assert (y.min(), y.max()) == pytest.approx((1.5, 5.5), abs=0.3)


def test_only_the_largest_piece_counts_and_holes_are_filled() -> None:
    mask = disc(10, (30, 30)) & ~disc(4, (30, 30))
    mask[2, 2] = True
    assert area(polygon(mask)) == pytest.approx(disc(10, (30, 30)).sum(), rel=0.08)


def test_an_empty_mask_has_no_outline() -> None:
    assert polygon(np.zeros((5, 5), dtype=np.bool_)) == ()


def test_a_mask_at_the_border_of_the_image_is_closed() -> None:
    points = polygon(np.ones((6, 9), dtype=np.bool_))
    assert points[0] == points[-1]
    assert area(points) == pytest.approx(54, rel=0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**25 - 1))
def test_any_mask_gives_a_closed_line_or_none(bits: int) -> None:
    mask = np.array([bool(bits >> place & 1) for place in range(25)]).reshape(5, 5)
    points = polygon(mask)
    assert (points == ()) == (not mask.any())
    assert not points or points[0] == points[-1]
