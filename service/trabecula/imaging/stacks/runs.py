"""Runs: which slices along a line are equally far apart, where slices are missing, and where the distance changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.uids import SeriesUid
from trabecula.domain.volume import FloatArray
from trabecula.imaging.limits import GeometryLimits
from trabecula.imaging.stacks.likeness import clusters


@dataclass(frozen=True)
class Runs:
    """First and last slice of each regular run, best first, and why there is more than one."""

    runs: tuple[tuple[int, int], ...]
    reasons: tuple[Reason, ...] = ()

    def told(self, kept: int, count: int) -> Iterator[Reason]:
        """The reasons as warnings on a volume of ``kept`` of ``count`` slices."""
        for reason in self.reasons:
            detail = f"{reason.detail}; a run of {kept} of {count} slices is used"
            yield Reason(code=reason.code, blocking=False, series_uid=reason.series_uid, detail=detail)


def runs_of(places: Sequence[float], limits: GeometryLimits, series_uid: SeriesUid) -> Runs | Reason:
    """Return the regular runs of slices at ``places`` (ascending, mm), or the blocking reason why there is none.

    A larger step that is a whole multiple of the usual one is a gap of missing slices; four or more slices at another
    distance are no gap: the distance changes. Steps that are neither are irregular.
    """
    gaps = np.diff(np.array(places, dtype=np.float64))
    usual = float(np.median(gaps))
    if bool((np.abs(gaps - usual) <= _tolerance(usual, limits)).all()):
        return Runs(((0, len(gaps)),))
    stretches = _stretches(gaps, limits)
    long = [item for item in stretches if item[1] - item[0] >= limits.run_slices - 1]
    if not long:
        return _irregular(gaps, limits, series_uid)
    steps = [float(np.median(gaps[first:last])) for first, last in long]
    finest = min(steps)
    coarse = sorted({round(step, 2) for step in steps if step - finest > _tolerance(finest, limits)})
    odd = [float(gaps[first]) for item in stretches if item not in long for first in range(*item)]
    refusal = _refusal(len(places), gaps, odd, steps, limits, series_uid)
    if refusal is not None:
        return refusal
    order = sorted(range(len(long)), key=lambda k: (round(steps[k] - finest, 1), long[k][0] - long[k][1], long[k]))
    reasons = []
    if coarse:
        detail = f"the distance between slices changes from {finest:.3g} to {coarse[-1]:.3g} mm"
        reasons.append(Reason(code=ReasonCode.GEOMETRY, blocking=False, series_uid=series_uid, detail=detail))
    gaps_of_missing = [gap for gap in odd if _multiple(gap, finest, limits) >= 2]
    uneven = [gap for gap in odd if not _multiple(gap, finest, limits)]
    for code, steps_there in ((ReasonCode.MISSING_SLICES, gaps_of_missing), (ReasonCode.GEOMETRY, uneven)):
        if steps_there:
            low, high = min(steps_there), max(steps_there)
            size = f"{low:.3g} mm" if high - low < 0.05 else f"{low:.3g} to {high:.3g} mm"
            detail = f"steps of {size} between slices {finest:.3g} mm apart"
            reasons.append(Reason(code=code, blocking=False, series_uid=series_uid, detail=detail))
    return Runs(tuple(long[k] for k in order), tuple(reasons))


def _tolerance(step: float, limits: GeometryLimits) -> float:
    allowed = max(limits.spacing_tolerance * step, limits.spacing_tolerance_mm)
    return min(allowed, 0.25 * step)


def _stretches(gaps: FloatArray, limits: GeometryLimits) -> list[tuple[int, int]]:
    """First and last slice of each stretch of equal steps; a stretch of one step is a break."""
    labels = clusters([float(gap) for gap in gaps], lambda step: _tolerance(step, limits))
    found, first = [], 0
    for index in range(1, len(labels) + 1):
        if index == len(labels) or labels[index] != labels[first]:
            part = gaps[first:index]
            if float(part.max() - part.min()) <= 2 * _tolerance(float(np.median(part)), limits):
                found.append((first, index))
            else:
                found.extend((step, step + 1) for step in range(first, index))
            first = index
    return found


def _refusal(
    count: int,
    gaps: FloatArray,
    odd: Sequence[float],
    steps: Sequence[float],
    limits: GeometryLimits,
    series_uid: SeriesUid,
) -> Reason | None:
    """Why too much is missing or uneven: whole multiples of a usual step are missing slices, other steps are irregular.

    A stretch of usual steps that is too short to be measured is neither.
    """
    usual = min(steps)
    whole = [gap for gap in odd if _multiple(gap, usual, limits) >= 2]
    uneven = [gap for gap in odd if not _multiple(gap, usual, limits)]
    limit = limits.maximum_missing_fraction
    if len(uneven) > max(limit * len(gaps), 1):
        return _irregular(gaps, limits, series_uid)
    missing = sum(_multiple(gap, usual, limits) - 1 for gap in whole)
    share = missing / (count + missing)
    if share <= limit:
        return None
    detail = f"{missing} of {count + missing} slices"
    value = round(100 * share, 1)
    return Reason(
        code=ReasonCode.MISSING_SLICES, series_uid=series_uid, detail=detail, value=value, limit=100 * limit, unit="%"
    )


def _multiple(gap: float, usual: float, limits: GeometryLimits) -> int:
    """How many usual steps a gap is, 0 where it is no whole number of them."""
    steps = max(1, round(gap / usual))
    return steps if abs(gap - steps * usual) <= _tolerance(usual, limits) * steps else 0


def _irregular(gaps: FloatArray, limits: GeometryLimits, series_uid: SeriesUid) -> Reason:
    """Steps of several kinds: missing slices where all are multiples of the smallest, else simply uneven."""
    smallest = float(gaps.min())
    multiples = [_multiple(float(gap), smallest, limits) for gap in gaps] if smallest > 0 else [0]
    missing = sum(steps - 1 for steps in multiples)
    if all(multiples) and 0 < missing <= len(gaps):
        count = len(gaps) + 1
        limit = 100 * limits.maximum_missing_fraction
        return Reason(
            code=ReasonCode.MISSING_SLICES,
            series_uid=series_uid,
            detail=f"{missing} of {count + missing} slices",
            value=round(100 * missing / (count + missing), 1),
            limit=limit,
            unit="%",
        )
    detail = f"slice distances from {gaps.min():.2f} to {gaps.max():.2f} mm"
    return Reason(code=ReasonCode.GEOMETRY, series_uid=series_uid, detail=detail)
