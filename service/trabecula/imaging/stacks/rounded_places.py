"""Rounded places: whether slices whose positions were rounded lie as far apart as their header states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.volume import FloatArray
from trabecula.imaging.acquisition import Acquisition, Frame
from trabecula.imaging.limits import GEOMETRY

_EQUAL_MM = 1e-6


@dataclass(frozen=True)
class RoundedLine:
    """Where the first slice lies (LPS, mm), how far apart the slices are along their normal, and the warning."""

    first: FloatArray
    step_mm: float
    reason: Reason


def rounded_line(frames: Sequence[Frame], normal: FloatArray, made: Acquisition) -> RoundedLine | None:
    """Return the line on which rounded slices lie, or None where rounding does not explain their distances.

    ``frames`` are sorted along the normal. Every coordinate must be a multiple of the same rounding, and the distance
    that the header states (Spacing Between Slices, else Slice Thickness) must give every position when rounded, with
    no slice missing. None too where the positions would also fit with a slice missing somewhere.
    """
    positions = np.array([frame.position for frame in frames], dtype=np.float64)
    rounding = _rounding(positions)
    if rounding is None:
        return None
    for name, stated in _stated(made):
        offsets = positions - np.arange(len(frames))[:, None] * stated * normal
        low, high = offsets.min(axis=0), offsets.max(axis=0)
        if (high - low > rounding + _EQUAL_MM).any():
            continue
        first = (low + high) / 2
        exact = first + np.arange(len(frames))[:, None] * stated * normal
        if _give(positions / rounding, exact / rounding) and not _hides_a_gap(offsets, stated * normal, rounding):
            detail = f"to {rounding:g} mm; {name} {stated:g} mm gives each of them"
            series_uid = frames[0].acquisition.series_uid
            reason = Reason(code=ReasonCode.PLACES_ROUNDED, blocking=False, series_uid=series_uid, detail=detail)
            return RoundedLine(first, stated, reason)
    return None


def _rounding(positions: FloatArray) -> float | None:
    """The coarsest rounding (mm) that all coordinates are multiples of."""
    for rounding in GEOMETRY.roundings_mm:
        apart = np.abs(positions / rounding - np.rint(positions / rounding))
        if bool((apart * rounding <= _EQUAL_MM).all()):
            return float(rounding)
    return None


def _stated(made: Acquisition) -> list[tuple[str, float]]:
    values = (("Spacing Between Slices", made.spacing_between_slices), ("Slice Thickness", made.slice_thickness))
    return [(name, abs(value)) for name, value in values if value]


def _half_up(values: FloatArray) -> FloatArray:
    return np.asarray(np.floor(values + 0.5))


_WAYS: tuple[Callable[[FloatArray], FloatArray], ...] = (
    np.rint,
    _half_up,
    lambda values: -_half_up(-values),
    lambda values: np.sign(values) * _half_up(np.abs(values)),
)
"""How programs round halves: to even, up, down, away from zero."""


def _give(rounded: FloatArray, exact: FloatArray) -> bool:
    """Whether each axis of ``rounded`` is ``exact`` rounded in one way, both in units of the rounding.

    Without it, slices 3 mm apart of which one lies 1 mm off would pass for rounded ones. Halves go either way where
    steps are no binary fractions, as their sums carry noise; they are a fifth of the slices at most then.
    """
    halves = np.rint(2 * exact) / 2
    exact = np.where(np.abs(exact - halves) <= _EQUAL_MM, halves, exact)
    steps = np.diff(exact, axis=0).mean(axis=0) * _BINARY
    noisy = np.abs(steps - np.rint(steps)) > _EQUAL_MM
    for there, here, free in zip(rounded.T, exact.T, noisy, strict=True):
        open_halves = free & (np.abs(here - np.floor(here) - 0.5) == 0.0)
        if not any(bool((open_halves | (way(here) == there)).all()) for way in _WAYS):
            return False
    return True


_BINARY = 1024.0


def _hides_a_gap(offsets: FloatArray, step: FloatArray, rounding: float) -> bool:
    """Whether the positions also fit where slices are missing at one place; only steps near the rounding allow it."""
    axis = int(np.argmax(np.abs(step)))
    along, size = offsets[:, axis] * np.sign(step[axis]), abs(float(step[axis]))
    low, high = np.minimum.accumulate(along)[:-1], np.maximum.accumulate(along)[:-1]
    rest_low = np.minimum.accumulate(along[::-1])[::-1][1:]
    rest_high = np.maximum.accumulate(along[::-1])[::-1][1:]
    for missing in range(1, 1 + int(2 * rounding / max(size, _EQUAL_MM))):
        spread = np.maximum(high, rest_high - missing * size) - np.minimum(low, rest_low - missing * size)
        if bool((spread <= rounding + _EQUAL_MM).any()):
            return True
    return False
