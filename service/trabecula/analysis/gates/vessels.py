"""The vessels before the spine of a CT: whether they show the effect of contrast agent.

Blood without it has 30-65 HU. The aorta and the vena cava run along the front of L1-L4; bowel with oral contrast agent
crosses there, and calcified walls are thin, so what counts is a thick core that goes on along several bodies.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from trabecula.analysis.gates.limits import VESSELS
from trabecula.domain.volume import FloatArray
from trabecula.regions.bodies import Body, Window

_ALONG = 0.7
"""Cosine from which an axis of the volume counts as running along the body."""


def enhanced_vessel(bodies: tuple[Body, ...]) -> float | None:
    """Return the attenuation (HU) of an enhanced vessel before the bodies; None where there is none.

    It is one where most of the bodies have such a core before them, of about the same attenuation.
    """
    if len(bodies) < VESSELS.bodies:
        return None
    found = [hu for hu in map(_core_before, bodies) if hu is not None]
    if len(found) < max(VESSELS.bodies, len(bodies) // 2 + 1):
        return None
    middle = float(np.median(found))
    alike = sum(abs(hu - middle) <= VESSELS.alike_hu for hu in found)
    return middle if alike >= VESSELS.bodies else None


def _core_before(body: Body) -> float | None:
    """Return the median of the largest thick core before one body that runs along it, or None."""
    window = _window(body)
    steps = [max(1, int(VESSELS.step_mm / spacing)) for spacing in body.geometry.spacing_mm]
    coarse = tuple(slice(part.start, part.stop, step) for part, step in zip(window, steps, strict=True))
    spacing = [size * step for size, step in zip(body.geometry.spacing_mm, steps, strict=True)]
    values = body.volume.array[window].astype(np.float32)
    smooth = ndimage.gaussian_filter(values, [VESSELS.smoothing_mm / size for size in body.geometry.spacing_mm])
    smooth = smooth[tuple(slice(None, None, step) for step in steps)]
    lateral, forward, height = _in_frame(body, coarse)
    place = (
        (forward > -body.frame.extents_mm[1][0])
        & (forward < VESSELS.depth_mm - body.frame.extents_mm[1][0])
        & (np.abs(lateral) < VESSELS.aside_mm)
    )
    bright = place & (smooth > VESSELS.lowest_hu) & (smooth < VESSELS.highest_hu)
    if not bright.any():
        return None
    core = np.asarray(ndimage.distance_transform_edt(bright, sampling=spacing)) > VESSELS.core_mm
    core &= np.abs(height) < body.frame.height_mm / 2
    pieces, count = ndimage.label(core)
    best: tuple[float, float] | None = None
    for number in range(1, count + 1):
        piece = pieces == number
        along = height[piece]
        size = float(piece.sum()) * float(np.prod(spacing))
        if float(along.max() - along.min()) < VESSELS.along_share * body.frame.height_mm:
            continue
        if best is None or size > best[0]:
            best = size, float(np.median(smooth[piece]))
    return None if best is None else best[1]


def _window(body: Body) -> Window:
    """Return the part of the volume around a body: wide sideways and forward, a little beyond its endplates."""
    wide, low = body.wider_window(VESSELS.depth_mm), body.wider_window(2 * VESSELS.core_mm)
    along = np.abs(body.geometry.directions.T @ body.frame.axes[2]) > _ALONG
    first, second, third = (low[axis] if along[axis] else wide[axis] for axis in range(3))
    return first, second, third


def _in_frame(body: Body, window: tuple[slice, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return where a part of the volume lies along the body's axes, in mm: to the left, forward, towards the head."""
    axes = [np.arange(part.start, part.stop, part.step, dtype=np.float64) for part in window]
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    coordinates = body.frame.to_frame(body.volume.geometry.to_lps(indices))
    return coordinates[..., 0], -coordinates[..., 1], coordinates[..., 2]
