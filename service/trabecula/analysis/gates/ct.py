"""Gates of CT: kernel, thickness, metal, cement and focal lesions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import CEMENT, FOCAL_LESION, METAL
from trabecula.domain.reconstruction_kernel import KernelClass
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.spine import Level
from trabecula.regions import Mask, eroded, trabecular_v1
from trabecula.regions.bodies import Body
from trabecula.series.limits import SERIES


def kernel(context: GateContext) -> Iterator[Reason]:
    """A sharp kernel leaves means alone and ruins texture; an unknown one is named."""
    name = "\\".join(context.made.kernel)
    if context.candidate.kernel is KernelClass.SHARP:
        yield context.reason(ReasonCode.KERNEL_SHARP, blocking=False, detail=name)
    elif context.candidate.kernel is KernelClass.UNKNOWN:
        yield context.reason(ReasonCode.KERNEL_UNKNOWN, blocking=False, detail=name or "not recorded")


def unnamed_contrast(context: GateContext) -> Iterator[Reason]:
    """CONTRAST_UNCLEAR where no header names contrast agent and a vessel shows it."""
    if context.candidate.phase is ContrastPhase.NATIVE and context.vessel_hu is not None:
        detail = f"a vessel before the spine has {context.vessel_hu:.0f} HU, and no header names contrast agent"
        yield context.reason(ReasonCode.CONTRAST_UNCLEAR, blocking=False, detail=detail)


def thickness(context: GateContext) -> Iterator[Reason]:
    """Above 3 mm attenuation is measured, shape and texture are not."""
    limit = SERIES.ct_shape_maximum_thickness_mm
    found = context.candidate.slice_mm
    if found > limit + 0.01:
        detail = "attenuation only; no heights"
        yield context.reason(
            ReasonCode.SLICE_THICKNESS, blocking=False, detail=detail, value=round(found, 2), limit=limit, unit="mm"
        )


def metal(context: GateContext) -> Iterator[Reason]:
    """Metal within 20 mm excludes a body; metal in or touching a body also excludes its neighbours."""
    bounds = METAL
    near: dict[Level, float] = {}
    held: list[Level] = []
    for body in context.bodies:
        bright = _bright_mm3(body, bounds.voxel_above_hu, bounds.within_mm, bounds.touching_mm)
        if bright[0] >= bounds.minimum_mm3:
            near[body.level] = bright[0]
        if bright[1] >= bounds.minimum_mm3:
            held.append(body.level)
    for body in context.bodies:
        beside = next((level for level in held if abs(level.value - body.level.value) == 1), None)
        if body.level in near:
            yield context.reason(ReasonCode.METAL, level=body.level, value=round(near[body.level]), unit="mm3")
        elif beside is not None:
            yield context.reason(ReasonCode.METAL, level=body.level, detail=f"at {beside}")


def _bright_mm3(body: Body, above_hu: float, within_mm: float, touching_mm: float) -> tuple[float, float]:
    """Volume of metal-bright voxels near the body, and of those in or touching it."""
    window = body.wider_window(within_mm)
    bright = body.volume.array[window] > above_hu
    if not bright.any():
        return 0.0, 0.0
    here = np.zeros(bright.shape, dtype=np.bool_)
    place = tuple(
        slice(own.start - wide.start, own.stop - wide.start) for own, wide in zip(body.window, window, strict=True)
    )
    here[place] = body.mask
    distance = np.asarray(ndimage.distance_transform_edt(~here, sampling=body.geometry.spacing_mm))[bright]
    voxel = body.geometry.voxel_volume_mm3
    return float((distance <= within_mm).sum()) * voxel, float((distance <= touching_mm).sum()) * voxel


def cement(context: GateContext) -> Iterator[Reason]:
    """A blob above 500 HU inside the cancellous bone is cement (or something as dense)."""
    bounds = CEMENT
    for body in context.measured_bodies:
        inside = eroded(body.mask, body.geometry, bounds.margin_mm) & _central_height(body)
        volume = _largest_mm3(inside & (body.values > bounds.voxel_above_hu), body)
        if volume >= bounds.minimum_mm3:
            limit = bounds.minimum_mm3
            yield context.reason(ReasonCode.CEMENT, level=body.level, value=round(volume), limit=limit, unit="mm3")


def _central_height(body: Body) -> Mask:
    """The middle two thirds of the height: dense endplates are no cement."""
    indices = np.moveaxis(np.indices(body.mask.shape), 0, -1).astype(np.float64)
    height = body.frame.relative_height(body.frame.to_frame(body.geometry.to_lps(indices)))
    return np.asarray((height > 1 / 6) & (height < 5 / 6))


def focal_lesion(context: GateContext) -> Iterator[Reason]:
    """A cluster in the trabecular region far from the rest of it: haemangioma, metastasis, bone island."""
    bounds = FOCAL_LESION
    for body in context.measured_bodies:
        region = trabecular_v1(body.mask, body.geometry, body.frame) & body.measured
        if not region.any():
            continue
        smooth = _smoothed(body, region, bounds.smoothing_mm)
        values = smooth[region]
        middle = float(np.median(values))
        spread = 1.4826 * float(np.median(np.abs(values - middle)))
        far = max(bounds.robust_sd * spread, bounds.minimum_contrast_hu)
        for sign in (1.0, -1.0):
            volume = _largest_mm3(region & (sign * (smooth - middle) > far), body)
            if volume >= bounds.minimum_mm3:
                detail = "denser cluster" if sign > 0 else "lucent cluster"
                yield context.reason(
                    ReasonCode.FOCAL_LESION, level=body.level, detail=detail, value=round(volume), unit="mm3"
                )
                break


def _smoothed(body: Body, region: Mask, scale_mm: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The values smoothed within the region alone (normalised convolution)."""
    sigma = [scale_mm / spacing for spacing in body.geometry.spacing_mm]
    weights = ndimage.gaussian_filter(region.astype(np.float64), sigma)
    sums = ndimage.gaussian_filter(np.where(region, body.values, 0.0).astype(np.float64), sigma)
    return np.asarray(sums / np.maximum(weights, 1e-6))


def _largest_mm3(mask: Mask, body: Body) -> float:
    pieces, count = ndimage.label(mask)
    if count == 0:
        return 0.0
    return float(np.bincount(pieces.ravel())[1:].max()) * body.geometry.voxel_volume_mm3
