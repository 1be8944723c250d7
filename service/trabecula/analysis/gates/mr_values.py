"""Gates of MR signals: whether they are whole and begin at zero, without which no ratio of them means anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.biomarkers.vbq import LevelSignal
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import MR_VALUES
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue, Volume
from trabecula.regions import CsfRegion

_EIGHT_BITS = 8


def signal_values(
    context: GateContext, signals: Mapping[Level, LevelSignal], csf: CsfRegion | None
) -> tuple[Reason, ...]:
    """Return why the ratio of marrow to fluid means nothing, or remarks. Limits: [mr_values] of gates.toml."""
    return (*_whole(context, signals, csf), *_from_zero(context, signals, csf))


def _whole(context: GateContext, signals: Mapping[Level, LevelSignal], csf: CsfRegion | None) -> Iterator[Reason]:
    """An 8-bit image shows a window; values that pile up at an end were cut there."""
    bounds = MR_VALUES
    known = _known(context.volume)
    told = _eight_bits(context, known)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if told or low == high:
        if told:
            yield context.reason(ReasonCode.SIGNAL_WINDOWED, detail=told)
        return
    measured = {str(level): signal.voxels for level, signal in signals.items()}
    if csf is not None:
        measured["fluid"] = context.volume.array[csf.mask]
    elif context.segmentation.tissues is not None:
        canal = context.volume.array[context.segmentation.tissues == TISSUE_LABELS[Tissue.CANAL]]
        measured |= {"the spinal canal": canal} if canal.size else {}
    for name, values in measured.items():
        share = float(np.mean((values <= low) | (values >= high)))
        if share >= bounds.cut_measured_fraction:
            detail = f"{100 * share:.0f} % of {name} at the smallest or largest value of the image"
            yield context.reason(ReasonCode.SIGNAL_WINDOWED, detail=detail)
            return
    below, above = float(np.mean(known <= low)), float(np.mean(known >= high))
    if above < bounds.cut_fraction:
        return
    both = below >= bounds.cut_fraction
    detail = f"{100 * above:.1f} % of the pixels at the largest value"
    detail += f", {100 * below:.1f} % at the smallest" if both else "; none of what is measured"
    yield context.reason(ReasonCode.SIGNAL_WINDOWED, blocking=both, detail=detail)


def _known(volume: Volume) -> NDArray[np.float32]:
    return volume.array.ravel() if volume.padding is None else volume.array[~volume.padding]


def _eight_bits(context: GateContext, known: NDArray[np.float32]) -> str:
    """What says that the image is one of 8 bits: Bits Stored, or values that fill 256 even steps; else ""."""
    stored = [frame.bits_stored for frame in context.candidate.stack.frames if frame.bits_stored is not None]
    if stored and min(stored) <= _EIGHT_BITS:
        return f"Bits Stored {min(stored)}"
    middle = context.volume.array[context.volume.array.shape[0] // 2]
    if np.unique(middle).size > 2**_EIGHT_BITS:
        return ""
    values = np.unique(known)
    if not 2 < values.size <= 2**_EIGHT_BITS:
        return ""
    step = float(np.diff(values).min())
    return "256 grey values" if round(float(values[-1] - values[0]) / step) == 2**_EIGHT_BITS - 1 else ""


def _from_zero(context: GateContext, signals: Mapping[Level, LevelSignal], csf: CsfRegion | None) -> Iterator[Reason]:
    """The darkest places of a magnitude image hold air, cortex or flowing blood: noise just above zero.

    Where they lie below zero, or so far above it that marrow and fluid are hardly brighter and by more than noise
    does, an offset was added to all values.
    """
    bounds = MR_VALUES
    if not signals:
        return
    dark, spread = _darkest(context.volume)
    tissue = float(np.median([signal.mean for signal in signals.values()]))
    if dark < -bounds.negative_told_fraction * abs(tissue):
        blocking = dark < -bounds.negative_refused_fraction * abs(tissue)
        detail = f"the darkest places at {dark:.0f}, marrow at {tissue:.0f}"
        yield context.reason(ReasonCode.SIGNAL_OFFSET, blocking=blocking, detail=detail)
        return
    weaker = min(tissue, csf.mean) if csf is not None else tissue
    if weaker <= 0 or dark < bounds.noise_ratio * spread:
        return
    share = dark / weaker
    if share >= bounds.told_fraction:
        blocking = share >= bounds.refused_fraction
        detail = f"the darkest places at {dark:.0f}, {'fluid' if weaker < tissue else 'marrow'} at {weaker:.0f}"
        yield context.reason(ReasonCode.SIGNAL_OFFSET, blocking=blocking, detail=detail)


def _darkest(volume: Volume) -> tuple[float, float]:
    """Mean and standard deviation of the pixels in the darkest places, which are found on smoothed slices."""
    bounds = MR_VALUES
    size = bounds.dark_pixels
    smooth = np.stack([ndimage.uniform_filter(part.astype(np.float32), size) for part in volume.array])
    known = np.ones(smooth.shape, dtype=np.bool_) if volume.padding is None else ~volume.padding
    if not known.any():
        return 0.0, 0.0
    below = float(np.quantile(smooth[known][::3], bounds.dark_fraction))
    values = volume.array[known & (smooth <= below)].astype(np.float64)
    return float(values.mean()), float(values.std())
