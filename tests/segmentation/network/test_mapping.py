"""Tests of what is written back to the volume: no outermost slices of a few pixels."""

from __future__ import annotations

import numpy as np
import pytest

from trabecula.segmentation.network.mapping import without_shreds


def body(*sides: int) -> np.ndarray:
    """Square sections of these sides (pixels of 1 mm), one slice each."""
    mask = np.zeros((len(sides), 40, 40), dtype=np.bool_)
    for plane, side in zip(mask, sides, strict=True):
        plane[:side, :side] = True
    return mask


@pytest.mark.parametrize(
    ("sides", "left"),
    [
        ((5, 28, 30, 28, 7), [0, 28, 30, 28, 0]),
        ((3, 7, 30, 30), [0, 0, 30, 30]),
        ((14, 28, 30, 28, 20), [14, 28, 30, 28, 20]),
        ((8, 28, 30), [8, 28, 30]),
        ((5, 7, 9), [5, 7, 9]),
        ((30, 5, 30), [30, 5, 30]),
        ((5,), [5]),
    ],
)
def test_outermost_slices_of_a_few_pixels_go_and_whole_ones_stay(sides: tuple[int, ...], left: list[int]) -> None:
    kept = without_shreds(body(*sides), 1.0)

    assert [round(float(plane.sum()) ** 0.5) for plane in kept] == left
