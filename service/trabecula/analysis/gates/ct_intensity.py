"""Gates of CT intensity: whether Hounsfield units are plausible, and how noisy muscle is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import HU_SANITY, NOISE
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.spine import Level
from trabecula.domain.volume import FloatArray, Volume
from trabecula.regions.bodies import Body

_BIN_HU = 4.0
_SAMPLES = 2_000_000


def hu_sanity(context: GateContext) -> Iterator[Reason]:
    """Air, fat and muscle must lie where they belong; otherwise rescale or calibration is wrong."""
    bounds = HU_SANITY
    values = _sample(context.volume)
    contrast = context.candidate.phase is not ContrastPhase.NATIVE
    muscle = bounds.muscle_contrast_hu if contrast else bounds.muscle_native_hu
    slack = bounds.tolerance_hu
    for name, search, (low, high) in (
        ("air", bounds.air_search_hu, bounds.air_hu),
        ("fat", bounds.fat_search_hu, bounds.fat_hu),
        ("soft tissue", bounds.soft_search_hu, muscle),
    ):
        mode = _mode(values, *search)
        if mode is not None and not low - slack <= mode <= high + slack:
            limit = float(low if mode < low else high)
            yield context.reason(ReasonCode.HU_SANITY, detail=f"{name} at", value=round(mode), limit=limit, unit="HU")
            return
    dense = float((values > bounds.bone_above_hu).mean())
    if dense > bounds.bone_fraction:
        detail = f"{100 * dense:.0f} % of the image is above {bounds.bone_above_hu:.0f} HU"
        yield context.reason(ReasonCode.HU_SANITY, detail=detail)


def _sample(volume: Volume) -> FloatArray:
    step = max(1, round((volume.array.size / _SAMPLES) ** (1 / 3)))
    values = volume.array[::step, ::step, ::step]
    if volume.padding is not None:
        values = values[~volume.padding[::step, ::step, ::step]]
    return np.asarray(values.ravel(), dtype=np.float64)


def _mode(values: FloatArray, low: float, high: float) -> float | None:
    """The most frequent value between two limits, or None where too few values lie there or none stands out."""
    inside = values[(values >= low) & (values <= high)]
    if inside.size < HU_SANITY.seen_fraction * values.size or inside.size == 0:
        return None
    counts, edges = np.histogram(inside, bins=np.arange(low, high + _BIN_HU, _BIN_HU))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 3.0)
    peak = int(np.argmax(smooth))
    if peak in (0, len(smooth) - 1) or smooth[peak] < 1.5 * max(smooth[0], smooth[-1]):
        return None
    return float(edges[peak] + _BIN_HU / 2)


def noise(context: GateContext) -> Iterator[Reason]:
    """Very noisy muscle makes single values unsure; the mean over a body stands."""
    limit = NOISE.muscle_sd_above_hu
    for level in (Level.L3, Level.L2, Level.L4):
        body = next((item for item in context.bodies if item.level is level), None)
        found = None if body is None else muscle_noise_hu(body)
        if found is not None:
            if found > limit:
                yield context.reason(
                    ReasonCode.LOW_DOSE_NOISE,
                    blocking=False,
                    detail="SD in muscle",
                    value=round(found),
                    limit=limit,
                    unit="HU",
                )
            return


def muscle_noise_hu(body: Body) -> float | None:
    """Return the standard deviation in the psoas beside a body, or None where no muscle is seen there.

    A box beside the body (5 to 30 mm from its side wall, from the middle to 20 mm behind it, 10 mm up and down) is
    smoothed to find muscle; the deviation is that of the unsmoothed values around the smoothed ones.
    """
    window = body.wider_window(35.0)
    values = body.volume.array[window].astype(np.float64)
    start = np.array([part.start for part in window], dtype=np.float64)
    indices = np.moveaxis(np.indices(values.shape), 0, -1) + start
    u, v, w = np.moveaxis(body.frame.to_frame(body.volume.geometry.to_lps(indices)), -1, 0)
    low, high = body.frame.extents_mm[0]
    beside = ((u > high + 5) & (u < high + 30)) | ((u < low - 5) & (u > low - 30))
    beside &= (v > -5) & (v < 20) & (np.abs(w) < 10)
    smooth = ndimage.gaussian_filter(values, [3.0 / spacing for spacing in body.geometry.spacing_mm])
    muscle = beside & (smooth > NOISE.muscle_hu[0]) & (smooth < NOISE.muscle_hu[1])
    if int(muscle.sum()) < NOISE.minimum_voxels:
        return None
    return float(np.std(values[muscle] - smooth[muscle]))
