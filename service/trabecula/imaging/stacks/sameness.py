"""Sameness: whether frames are one and the same image, by where they lie and what they measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import PixelDataUndecodable
from trabecula.domain.volume import FloatArray
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.headers.contrast import ContrastState, contrast_evidence
from trabecula.imaging.limits import GEOMETRY, STACKS
from trabecula.imaging.pixels import Cache, Stored, stored_values

Images = list[list[Frame]]
Alike = Callable[[Frame, Frame], bool]


def one_place(one: Frame, other: Frame) -> bool:
    """Whether all corners of two frames lie nearer to each other than two slices can be.

    Frames without a place lie at one place where what they do say of it is equal.
    """
    nearest = GEOMETRY.duplicate_distance_mm
    if one.position is not None and other.position is not None and math.dist(one.position, other.position) > nearest:
        return False
    here, there = _corners(one), _corners(other)
    if here is None or there is None:
        return _placed(one) == _placed(other)
    return bool(np.linalg.norm(here - there, axis=1).max() <= nearest)


def _placed(frame: Frame) -> tuple[object, ...]:
    return frame.position, frame.orientation, frame.pixel_spacing


def _corners(frame: Frame) -> FloatArray | None:
    """The first pixel's centre and those at the ends of its row, of its column and of both ``[corner, axis]``."""
    if frame.position is None or frame.orientation is None or frame.pixel_spacing is None:
        return None
    along = np.array(frame.orientation[:3]) * frame.pixel_spacing[1] * (frame.columns - 1)
    down = np.array(frame.orientation[3:]) * frame.pixel_spacing[0] * (frame.rows - 1)
    return np.asarray(np.array(frame.position) + np.array([0 * along, along, down, along + down]))


def images_of(frames: Iterable[Frame], alike: Alike, cache: Cache) -> Images:
    """Part frames into images, each with all its copies, in their order.

    Two frames are one image where ``alike`` says so, which is asked first, and they measure the same. A frame that has
    to be read for that and cannot be is left out.
    """
    parts: Images = []
    read: dict[int, _Pixels | None] = {}

    def pixels(frame: Frame) -> _Pixels | None:
        if id(frame) not in read:
            read[id(frame)] = _pixels(frame, cache)
        return read[id(frame)]

    def same(one: Frame, other: Frame) -> bool:
        first, second = pixels(one), pixels(other)
        return first is not None and second is not None and _equal(first, second)

    for frame in frames:
        like = [part for part in parts if alike(part[0], frame)]
        home = next((part for part in like if same(part[0], frame)), None)
        if home is None:
            parts.append([frame])
        else:
            home.append(frame)
    return [part for part in parts if id(part[0]) not in read or read[id(part[0])] is not None]


def same_pixels(one: Frame, other: Frame) -> bool:
    """Whether two frames measure the same; False where they cannot be read.

    Stored values are compared where both are rescaled alike, else rescaled values to half a step of the coarser.
    """
    first, second = (_pixels(frame, {}) for frame in (one, other))
    return first is not None and second is not None and _equal(first, second)


def shows_something(frame: Frame, cache: Cache) -> bool:
    """Whether the pixels of a frame differ: empty images of two scans are equal and yet no copies."""
    found = _pixels(frame, cache)
    return found is not None and found.stored.size > 0 and bool(found.stored.min() < found.stored.max())


def foremost(copies: Sequence[Frame]) -> Frame:
    """Return the frame that stands for its copies.

    The one that tells most of contrast agent, so that no copy without the word hides it; one that states its rescale
    values; the finest; then the first by its numbers.
    """
    return min(copies, key=_standing)


_CAUTIOUS = (ContrastState.GIVEN, ContrastState.CONTRADICTED, ContrastState.DOUBTFUL, ContrastState.NONE)


def _standing(frame: Frame) -> tuple[object, ...]:
    told = _CAUTIOUS.index(contrast_evidence(frame.acquisition).state)
    lost = not frame.lookup_table and None in frame.rescale
    return told, lost, abs(frame.rescale[0] or 1.0), frame.instance_number, frame.number or 0, frame.file.path


@dataclass(frozen=True)
class _Pixels:
    """Stored values ``[row, column]``, what rescales them, and the Modality LUT in their place where there is one."""

    stored: Stored
    rescale: tuple[float | None, float | None]
    table: object

    @property
    def step(self) -> float:
        return abs(self.rescale[0] or 1.0)

    def measured(self) -> NDArray[np.float64]:
        slope, intercept = self.rescale
        return np.asarray(self.stored, dtype=np.float64) * (slope or 1.0) + (intercept or 0.0)


def _pixels(frame: Frame, cache: Cache) -> _Pixels | None:
    try:
        dataset, stored = stored_values(frame, cache)
    except PixelDataUndecodable:
        return None
    table: Any = dataset.get("ModalityLUTSequence") if frame.lookup_table else None
    return _Pixels(stored, frame.rescale, table)


def _equal(one: _Pixels, other: _Pixels) -> bool:
    if one.stored.shape != other.stored.shape:
        return False
    if one.table or other.table:
        return bool(one.table == other.table) and bool(np.array_equal(one.stored, other.stored))
    if one.rescale == other.rescale:
        return bool(np.array_equal(one.stored, other.stored))
    first, second = one.measured(), other.measured()
    step = max(one.step, other.step)
    if step > STACKS.copy_step_fraction * float(np.ptp(first)):
        return bool(np.array_equal(first, second))
    return bool((np.abs(first - second) <= 0.5 * step).all())
