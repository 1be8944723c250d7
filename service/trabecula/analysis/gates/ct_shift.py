"""Gate of a common shift: whether air, fat and soft tissue of a CT all lie beside their place by the same amount.

One tissue alone varies with the person, the dose and the tube voltage; a wrong Rescale Intercept moves all alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import HU_SHIFT
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.volume import FloatArray, Volume

_BIN_HU = 1.0
_SMOOTH_BINS = 3.0


def common_shift(context: GateContext) -> Iterator[Reason]:
    """HU_SANITY where the tissues share a shift: a warning, or blocking where air confirms a large one.

    Not asked after contrast agent, which moves soft tissue. Limits: [hu_shift] of gates.toml.
    """
    if context.candidate.phase is not ContrastPhase.NATIVE:
        return
    bounds = HU_SHIFT
    found = shift_of(context.volume)
    if found is None:
        return
    shift, confirmed = found
    blocking = confirmed and abs(shift) >= bounds.refused_hu
    tissues = "air, fat and soft tissue" if confirmed else "fat and soft tissue"
    side = "above" if shift > 0 else "below"
    detail = f"{tissues} lie at least {abs(shift):.0f} HU {side} where they belong, as with another Rescale Intercept"
    yield context.reason(ReasonCode.HU_SANITY, blocking=blocking, detail=detail)


def shift_of(volume: Volume) -> tuple[float, bool] | None:
    """Return the smallest shift (HU) that fat, soft tissue and air in view share, and whether air is in view.

    None where they share none that is worth telling. Without air in view only a shift upwards of the larger limit
    counts: muscle that wastes away is darker by itself.
    """
    bounds = HU_SHIFT
    flat = _flat_values(volume)
    places = {
        "air": _place(flat, *bounds.air_search_hu),
        "fat": _place(flat, *bounds.fat_search_hu),
        "soft": _place(flat, *bounds.soft_search_hu),
    }
    fat, soft, air = places["fat"], places["soft"], places["air"]
    if fat is None or soft is None:
        return None
    shifts = [fat - bounds.fat_hu, soft - bounds.soft_hu]
    if air is not None:
        shifts.append(air - bounds.air_hu)
    shared = min(shifts, key=abs)
    least = bounds.told_hu if air is not None else bounds.refused_hu
    if abs(shared) < least or len({shift > 0 for shift in shifts}) > 1 or (air is None and shared < 0):
        return None
    return shared, air is not None


def _flat_values(volume: Volume) -> FloatArray:
    """Means over places of a few millimetres in which nothing changes: the inside of tissues, free of noise."""
    bounds = HU_SHIFT
    size = tuple(max(3, round(bounds.place_mm / spacing) | 1) for spacing in volume.geometry.spacing_mm[1:])
    step = max(1, volume.array.shape[0] // bounds.slices)
    kept = []
    for index in range(0, volume.array.shape[0], step):
        part = volume.array[index].astype(np.float32)
        mean = ndimage.uniform_filter(part, size)
        flat = ndimage.maximum_filter(mean, size) - ndimage.minimum_filter(mean, size) < bounds.flat_hu
        if volume.padding is not None:
            flat &= ~ndimage.maximum_filter(volume.padding[index], size)
        kept.append(mean[flat])
    return np.asarray(np.concatenate(kept), dtype=np.float64)


def _place(values: FloatArray, low: float, high: float) -> float | None:
    """The most frequent value between two limits; None where few lie there, or where it is at a limit."""
    inside = values[(values > low) & (values < high)]
    if inside.size < HU_SHIFT.minimum_pixels:
        return None
    counts, edges = np.histogram(inside, bins=np.arange(low, high + _BIN_HU, _BIN_HU))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), _SMOOTH_BINS)
    peak = int(np.argmax(smooth))
    margin = int(_SMOOTH_BINS)
    return float(edges[peak]) + _BIN_HU / 2 if margin <= peak < len(smooth) - margin else None
