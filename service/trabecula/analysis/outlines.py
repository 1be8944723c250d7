"""Outlines: the border of a mask on one slice as a closed polygon in image pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.results.result import Outline
from trabecula.imaging.acquisition import Frame
from trabecula.regions.bodies import Body

MAX_POINTS = 64
_SMOOTHING = np.array([0.25, 0.5, 0.25])

Point = tuple[float, float]


def outline_of(body: Body, frames: Sequence[Frame]) -> Outline | None:
    """Return the outline of a body on its key slice: the one nearest to its centre that shows it.

    ``frames`` are those of the volume's slices, in order. The polygon ends where it begins.
    """
    areas = body.mask.sum(axis=(1, 2))
    shown = np.flatnonzero(areas)
    if shown.size == 0:
        return None
    centre = float(body.geometry.to_index(body.frame.centre_mm)[0])
    index = int(shown[np.argmin(np.abs(shown - centre))])
    points = polygon(body.mask[index])
    if len(points) < 4:
        return None
    row, column = body.window[1].start, body.window[2].start
    frame = frames[body.window[0].start + index]
    shifted = tuple((round(x + column, 2), round(y + row, 2)) for x, y in points)
    return Outline(frame.file.sop_instance_uid, shifted, frame.number)


def polygon(mask: NDArray[np.bool_]) -> tuple[Point, ...]:
    """Return the outer border of the largest piece of ``mask[row, column]`` as a closed polygon of (column, row).

    (0, 0) is the centre of the first pixel; the border runs along the edges of the pixels, is resampled evenly to at
    most 64 points and smoothed a little.
    """
    pieces, count = ndimage.label(mask)
    if count == 0:
        return ()
    largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    ring = _longest_ring(np.pad(ndimage.binary_fill_holes(pieces == largest), 1))
    line = np.array(ring, dtype=np.float64) - 1.5
    resampled = _resampled(line, min(MAX_POINTS, len(ring)))
    smooth = np.stack([ndimage.convolve1d(resampled[:, axis], _SMOOTHING, mode="wrap") for axis in range(2)], axis=1)
    points = [(float(x), float(y)) for x, y in smooth]
    return (*points, points[0])


def _longest_ring(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Follow the pixel edges around a mask (inside on the right) as corners (column, row); the longest ring."""
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row, column in np.argwhere(mask):
        y, x = int(row), int(column)
        for neighbour, start, end in (
            (mask[y - 1, x], (x, y), (x + 1, y)),
            (mask[y, x + 1], (x + 1, y), (x + 1, y + 1)),
            (mask[y + 1, x], (x + 1, y + 1), (x, y + 1)),
            (mask[y, x - 1], (x, y + 1), (x, y)),
        ):
            if not neighbour:
                following.setdefault(start, []).append(end)
    rings: list[list[tuple[int, int]]] = []
    while following:
        start = next(iter(following))
        ring, here = [start], start
        while True:
            ends = following[here]
            there = ends.pop()
            if not ends:
                del following[here]
            if there == start:
                break
            ring.append(there)
            here = there
        rings.append(ring)
    return max(rings, key=len)


def _resampled(line: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Points at equal distances along a closed line."""
    closed = np.vstack([line, line[:1]])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    places = np.linspace(0.0, lengths[-1], count, endpoint=False)
    return np.stack([np.interp(places, lengths, closed[:, axis]) for axis in range(2)], axis=1)
