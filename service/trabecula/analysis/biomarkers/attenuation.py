"""Trabecular attenuation on CT: statistics of trab_v1 per level, the single-slice oval, and means over levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trabecula.domain import codes
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Measurement
from trabecula.domain.results.thresholds import OvalRegion
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.uids import SeriesUid
from trabecula.regions import TRABECULAR_VERSION, Mask, trabecular_v1
from trabecula.regions.bodies import NOT_FINITE, Body

OVAL_VERSION = "oval_v1"
_MINIMUM_OVAL_VOXELS = 20


@dataclass(frozen=True, kw_only=True)
class LevelAttenuation:
    """Attenuation (HU as scanned) of the trabecular region of one level. ``oval_hu`` is the single-slice value."""

    level: Level
    mean_hu: float
    median_hu: float
    sd_hu: float
    p5_hu: float
    p95_hu: float
    voxels: int
    region_cm3: float
    oval_hu: float | None

    def measurements(self, series_uid: SeriesUid) -> tuple[Measurement, ...]:
        """The values as measurements of the result."""

        def hu(value: float, derivation: codes.Code, method: str = TRABECULAR_VERSION) -> Measurement:
            return Measurement(
                concept=codes.ATTENUATION,
                value=value,
                unit=codes.HOUNSFIELD,
                derivation=derivation,
                method=method,
                series_uid=series_uid,
            )

        region = Measurement(
            concept=codes.REGION_VOLUME,
            value=self.region_cm3,
            unit=codes.CUBIC_CENTIMETRE,
            derivation=None,
            method=TRABECULAR_VERSION,
            series_uid=series_uid,
        )
        oval = () if self.oval_hu is None else (hu(self.oval_hu, codes.MEAN, OVAL_VERSION),)
        return (
            hu(self.mean_hu, codes.MEAN),
            hu(self.sd_hu, codes.STANDARD_DEVIATION),
            hu(self.median_hu, codes.MEDIAN),
            hu(self.p5_hu, codes.PERCENTILE_5),
            hu(self.p95_hu, codes.PERCENTILE_95),
            region,
            *oval,
        )


def measure_attenuation(body: Body, oval: OvalRegion) -> LevelAttenuation | Reason:
    """Return the attenuation of one body, SEG_QC where trab_v1 leaves too little of it, or UNREADABLE_PIXELS where
    values in it are no finite numbers."""
    region = trabecular_v1(body.mask, body.geometry, body.frame) & body.measured
    if int(region.sum()) < 2:
        detail = f"{TRABECULAR_VERSION} leaves less than its smallest volume"
        return Reason(code=ReasonCode.SEG_QC, level=body.level, detail=detail)
    values = body.values[region].astype(np.float64)
    if not np.isfinite(values).all():
        return Reason(code=ReasonCode.UNREADABLE_PIXELS, level=body.level, detail=NOT_FINITE)
    low, high = np.percentile(values, (5, 95))
    return LevelAttenuation(
        level=body.level,
        mean_hu=_rounded(values.mean()),
        median_hu=_rounded(np.median(values)),
        sd_hu=_rounded(values.std(ddof=1)),
        p5_hu=_rounded(low),
        p95_hu=_rounded(high),
        voxels=int(values.size),
        region_cm3=round(values.size * body.geometry.voxel_volume_mm3 / 1000.0, 3),
        oval_hu=_oval_mean(body, oval),
    )


def oval_v1(body: Body, oval: OvalRegion) -> Mask:
    """Return the oval of the anterior trabecular space in the body's mid-height slice (for comparison with manual
    single-slice regions), on the body's grid."""
    frame = body.frame
    indices = np.argwhere(body.mask)
    u, v, w = np.moveaxis(frame.to_frame(body.geometry.to_lps(indices.astype(np.float64))), -1, 0)
    middle_u = sum(frame.extents_mm[0]) / 2
    middle_v = sum(frame.extents_mm[1]) / 2 - oval.centre_anterior_of_middle * frame.depth_mm
    inside = ((u - middle_u) / (oval.half_width * frame.width_mm)) ** 2
    inside += ((v - middle_v) / (oval.half_depth * frame.depth_mm)) ** 2
    half = max(
        oval.half_height_mm, float(np.abs(body.geometry.directions.T @ frame.axes[2]) @ body.geometry.spacing_mm) / 2
    )
    kept = (inside <= 1.0) & (np.abs(w - sum(frame.extents_mm[2]) / 2) <= half)
    mask = np.zeros(body.mask.shape, dtype=np.bool_)
    mask[tuple(indices[kept].T)] = True
    return mask


def _oval_mean(body: Body, oval: OvalRegion) -> float | None:
    region = oval_v1(body, oval) & body.measured
    if int(region.sum()) < _MINIMUM_OVAL_VOXELS:
        return None
    mean = float(body.values[region].astype(np.float64).mean())
    return _rounded(mean) if np.isfinite(mean) else None


def outliers(levels: Mapping[Level, float], limit_hu: float) -> tuple[Reason, ...]:
    """Return OUTLIER_LEVEL for levels that differ from the median of the others by more than the limit, worst first.

    Needs at least three levels; one is taken out at a time, so that it does not spoil the median of the rest.
    """
    rest = dict(levels)
    reasons = []
    while len(rest) >= 3:
        distance = {
            level: value - float(np.median([other for name, other in rest.items() if name is not level]))
            for level, value in rest.items()
        }
        worst = max(distance, key=lambda level: abs(distance[level]))
        if abs(distance[worst]) <= limit_hu:
            break
        reasons.append(
            Reason(
                code=ReasonCode.OUTLIER_LEVEL,
                level=worst,
                detail="difference from the median of the others",
                value=round(distance[worst], 1),
                limit=limit_hu,
                unit="HU",
            )
        )
        del rest[worst]
    return tuple(reasons)


def mean_over_levels(levels: Mapping[Level, float]) -> float | None:
    """Return the mean over the given levels of L1-L4, or None where there is none."""
    values = [levels[level] for level in MEASURED_LEVELS if level in levels]
    return _rounded(float(np.mean(values))) if values else None


def _rounded(value: float) -> float:
    return round(float(value), 2)
