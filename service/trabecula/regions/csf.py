"""The cerebrospinal-fluid region csf_v1: the denominator of the VBQ score, found in the canal behind one body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trabecula.domain.results.ground import told
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import Segmentation
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, FloatArray, Geometry, Tissue, Volume
from trabecula.regions.distance import Mask, MaskCrop, crop_geometry, inner_distance_mm
from trabecula.regions.frame import BodyFrame, fit_frame
from trabecula.regions.numbers import CSF_V1

CSF_VERSION = "csf_v1"
_CANAL_BEHIND_MM = 60.0


@dataclass(frozen=True, eq=False, kw_only=True)
class CsfRegion:
    """Where the fluid was found: ``mask`` on the volume's grid, and the signal in it.

    ``cv`` is the coefficient of variation, ``standard_error`` that of the mean, in the units of the image.
    """

    level: Level
    mask: Mask
    mean: float
    cv: float
    standard_error: float
    voxels: int
    version: str = CSF_VERSION


def csf_v1(
    segmentation: Segmentation,
    volume: Volume,
    levels: Sequence[Level] = (Level.L3, Level.L2),
    *,
    bright: bool = False,
) -> CsfRegion | Reason:
    """Return the CSF region at the first of ``levels`` that has a reliable one, else the reason CSF_ROI (blocking).

    The canal is eroded by 2 mm and cut to 8 mm above and below the middle of the body; of its voxels those around the
    darkest mode that holds a quarter of them are fluid (T1w; ``bright`` takes the brightest mode, for T2w). A region
    needs 30 voxels and a coefficient of variation of at most 0.25.
    """
    details = []
    for level in levels:
        found = _region_at(segmentation, volume, level, bright)
        if isinstance(found, CsfRegion):
            return found
        details.append(f"{level}: {found}")
    return Reason(code=ReasonCode.CSF_ROI, detail="; ".join(details))


def canal_window_v1(canal: Mask, geometry: Geometry, frame: BodyFrame) -> Mask:
    """Return the part of the canal beside one body where fluid is looked for, eroded by 2 mm, on the canal's grid."""
    numbers = CSF_V1
    result = np.zeros(canal.shape, dtype=np.bool_)
    low, high = frame.extents_mm[1][1] - 5.0, frame.extents_mm[1][1] + _CANAL_BEHIND_MM
    reach = numbers.half_height_mm + numbers.border_mm + 2.0
    corners = np.array([(u, v, w) for u in (-30.0, 30.0) for v in (low, high) for w in (-reach, reach)])
    indices = geometry.to_index(frame.to_lps(corners))
    first = np.clip(np.floor(indices.min(0)).astype(int) - 1, 0, np.array(canal.shape))
    last = np.clip(np.ceil(indices.max(0)).astype(int) + 2, 0, np.array(canal.shape))
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    part = np.ascontiguousarray(canal[box])
    if part.size == 0 or not part.any():
        return result
    crop = MaskCrop((box[0], box[1], box[2]), part, crop_geometry(geometry, (box[0], box[1], box[2])))
    coordinates = frame.to_frame(crop.geometry.to_lps(np.moveaxis(np.indices(part.shape), 0, -1).astype(np.float64)))
    kept = inner_distance_mm(part, geometry.spacing_mm) >= numbers.border_mm
    kept &= np.abs(coordinates[..., 2]) <= numbers.half_height_mm
    kept &= np.abs(coordinates[..., 0]) <= numbers.lateral_mm
    kept &= (coordinates[..., 1] > low) & (coordinates[..., 1] < high)
    result[box] = kept
    return result


def _region_at(segmentation: Segmentation, volume: Volume, level: Level, bright: bool) -> CsfRegion | str:
    body = segmentation.body(level)
    if body is None:
        return "the vertebra was not found"
    frame = fit_frame(segmentation.labels == body.label, volume.geometry)
    return csf_beside(segmentation, volume, level, frame, bright=bright)


def csf_beside(
    segmentation: Segmentation, volume: Volume, level: Level, frame: BodyFrame, *, bright: bool = False
) -> CsfRegion | str:
    """Return the CSF region beside the body with this frame, or why there is none."""
    numbers = CSF_V1
    if segmentation.tissues is None:
        return "the segmenter gives no spinal canal"
    canal = np.asarray(segmentation.tissues == TISSUE_LABELS[Tissue.CANAL])
    if volume.padding is not None:
        canal &= ~volume.padding
    region = canal_window_v1(canal, volume.geometry, frame)
    values = volume.array[region].astype(np.float64)
    if not np.isfinite(values).all():
        return "values that are not finite numbers"
    if values.size < numbers.minimum_voxels:
        return f"{values.size} voxels of the canal, limit {numbers.minimum_voxels:g}"
    low, high = fluid_range(-values if bright else values)
    kept = region & (volume.array >= (-high if bright else low)) & (volume.array <= (-low if bright else high))
    fluid = volume.array[kept].astype(np.float64)
    if fluid.size < numbers.minimum_voxels:
        return f"{fluid.size} voxels of fluid, limit {numbers.minimum_voxels:g}"
    mean, deviation = float(fluid.mean()), float(fluid.std(ddof=1))
    if mean <= 0 or deviation > numbers.maximum_cv * mean:
        share = told(deviation / mean, [numbers.maximum_cv], 2)[0] if mean > 0 else "no positive signal"
        return f"coefficient of variation {share}, limit {numbers.maximum_cv:g}"
    error = deviation / float(np.sqrt(fluid.size))
    return CsfRegion(
        level=level, mask=kept, mean=mean, cv=deviation / mean, standard_error=error, voxels=int(fluid.size)
    )


def fluid_range(values: FloatArray) -> tuple[float, float]:
    """Return the interval of intensities around the darkest mode that holds a quarter of ``values``.

    The density is a Gaussian kernel estimate; the width of the mode comes from its dark flank, which neither nerve
    roots nor fat reach. Taking the mode and not the lowest quartile itself keeps the mean free of a bias by noise.
    """
    numbers = CSF_V1
    ordered = np.sort(values)
    spread = float(np.subtract(*np.percentile(ordered, (75, 25)))) / 1.349
    width = max(
        0.9 * min(spread, float(ordered.std())) * len(ordered) ** -0.2, 1e-6 + 1e-6 * float(np.abs(ordered).max())
    )
    line = np.linspace(float(ordered[0]) - width, float(ordered[-1]) + width, 256)
    density = np.exp(-0.5 * ((line[:, None] - ordered[None, :]) / width) ** 2).sum(axis=1)
    mode = _darkest_mode(line, density, ordered, numbers.lowest_share)
    flank = ordered[ordered <= mode]
    sigma = float(np.sqrt(np.mean((flank - mode) ** 2))) if flank.size >= 3 else width
    reach = numbers.spread * max(sigma, width)
    return mode - reach, mode + reach


def _darkest_mode(line: FloatArray, density: FloatArray, ordered: FloatArray, share: float) -> float:
    peaks = [i for i in range(1, len(line) - 1) if density[i] >= density[i - 1] and density[i] > density[i + 1]]
    for order, peak in enumerate(peaks):
        after = peaks[order + 1] if order + 1 < len(peaks) else len(line) - 1
        valley = line[peak + int(np.argmin(density[peak : after + 1]))]
        if np.searchsorted(ordered, valley) >= share * len(ordered):
            return float(line[peak])
    return float(line[int(np.argmax(density))])
