"""Vertebral bone quality (VBQ) on MR: marrow signal of L1-L4 over cerebrospinal fluid at L3 (Ehresman 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain import codes
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Measurement
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.uids import SeriesUid
from trabecula.regions import CSF_VERSION, MEDULLARY_VERSION, CsfRegion, Mask, medullary_v1
from trabecula.regions.bodies import NOT_FINITE, Body

VBQ_VERSION = f"vbq_v1:{MEDULLARY_VERSION}/{CSF_VERSION}"
VBQ_VOXELS_VERSION = f"vbq_voxels_v1:{MEDULLARY_VERSION}/{CSF_VERSION}"
T2_VBQ_VERSION = f"t2_vbq_v1:{MEDULLARY_VERSION}/{CSF_VERSION}"


@dataclass(frozen=True, eq=False, kw_only=True)
class LevelSignal:
    """Marrow signal of one level, in the units of the image.

    ``backward_slope`` is the change of the signal's logarithm per mm from the front of the body to its back.
    """

    level: Level
    mean: float
    median: float
    sd: float
    voxels: NDArray[np.float32]
    backward_slope: float = 0.0

    def measurements(self, series_uid: SeriesUid, csf: CsfRegion | None, method: str) -> tuple[Measurement, ...]:
        """The values as measurements; with fluid also the level's own ratio."""

        def signal(value: float, derivation: codes.Code) -> Measurement:
            return Measurement(
                concept=codes.MR_SIGNAL,
                value=value,
                unit=codes.RATIO,
                derivation=derivation,
                method=MEDULLARY_VERSION,
                series_uid=series_uid,
            )

        ratio: tuple[Measurement, ...] = ()
        if csf is not None:
            ratio = (
                Measurement(
                    concept=codes.VBQ,
                    value=_rounded(self.mean / csf.mean),
                    unit=codes.RATIO,
                    derivation=None,
                    method=method,
                    series_uid=series_uid,
                ),
            )
        return (
            signal(self.mean, codes.MEAN),
            signal(self.sd, codes.STANDARD_DEVIATION),
            signal(self.median, codes.MEDIAN),
            *ratio,
        )


@dataclass(frozen=True, kw_only=True)
class BoneQuality:
    """VBQ of a study: the median of the level means (the score) and of all voxels, over the fluid's mean signal.

    ``lowest`` and ``highest`` are the ratios of the levels, one over the fluid, that lie farthest apart: what a reader
    sees of the score's spread. ``voxel_noise`` is the standard error that the noise of fluid and marrow voxels alone
    gives to the score; it says nothing of repeatability and is never printed.
    """

    score: float
    score_of_voxels: float
    voxel_noise: float
    lowest: float
    highest: float
    levels: tuple[Level, ...]
    csf_mean: float
    csf_level: Level


def measure_signal(body: Body) -> LevelSignal | Reason:
    """Return the marrow signal of one body, SEG_QC where medullary_v1 leaves nothing, or UNREADABLE_PIXELS where values
    in it are no finite numbers."""
    region = medullary_v1(body.mask, body.geometry, body.frame) & body.measured
    if int(region.sum()) < 2:
        return Reason(code=ReasonCode.SEG_QC, level=body.level, detail=f"{MEDULLARY_VERSION} leaves too few voxels")
    voxels = body.values[region]
    values = voxels.astype(np.float64)
    if not np.isfinite(values).all():
        return Reason(code=ReasonCode.UNREADABLE_PIXELS, level=body.level, detail=NOT_FINITE)
    return LevelSignal(
        level=body.level,
        mean=_rounded(float(values.mean())),
        median=_rounded(float(np.median(values))),
        sd=_rounded(float(values.std(ddof=1))),
        voxels=voxels,
        backward_slope=_backward_slope(body, region, values),
    )


def _backward_slope(body: Body, region: Mask, values: NDArray[np.float64]) -> float:
    """The least-squares slope of the logarithm of the signal over the depth of the body, per mm."""
    places = body.geometry.to_lps(np.argwhere(region).astype(np.float64))
    depth = body.frame.to_frame(places)[:, 1]
    depth = depth - depth.mean()
    spread = float(depth @ depth)
    return float(depth @ np.log(np.maximum(values, 1.0))) / spread if spread > 0 else 0.0


def bone_quality(signals: Mapping[Level, LevelSignal], csf: CsfRegion) -> BoneQuality | None:
    """Return VBQ of the evaluable levels of L1-L4, or None without any."""
    used = [signals[level] for level in MEASURED_LEVELS if level in signals]
    if not used:
        return None
    means = np.array([signal.mean for signal in used])
    score = float(np.median(means)) / csf.mean
    voxels = np.concatenate([signal.voxels for signal in used]).astype(np.float64)
    marrow = float(np.mean([signal.sd / np.sqrt(signal.voxels.size) for signal in used])) / max(
        float(np.median(means)), 1e-6
    )
    fluid = csf.standard_error / csf.mean
    return BoneQuality(
        score=_rounded(score),
        score_of_voxels=_rounded(float(np.median(voxels)) / csf.mean),
        voxel_noise=_rounded(score * float(np.hypot(marrow, fluid))),
        lowest=_rounded(float(means.min()) / csf.mean),
        highest=_rounded(float(means.max()) / csf.mean),
        levels=tuple(signal.level for signal in used),
        csf_mean=_rounded(csf.mean),
        csf_level=csf.level,
    )


def summary(quality: BoneQuality, series_uid: SeriesUid, *, t2: bool) -> tuple[Measurement, ...]:
    """The study's values as measurements: T1w gives VBQ in both variants, T2w a research number."""

    def measurement(concept: codes.Code, value: float, method: str) -> Measurement:
        return Measurement(
            concept=concept, value=value, unit=codes.RATIO, derivation=None, method=method, series_uid=series_uid
        )

    csf = Measurement(
        concept=codes.CSF_SIGNAL,
        value=quality.csf_mean,
        unit=codes.RATIO,
        derivation=codes.MEAN,
        method=f"{CSF_VERSION} at {quality.csf_level}",
        series_uid=series_uid,
    )
    if t2:
        return (measurement(codes.VBQ, quality.score, T2_VBQ_VERSION), csf)
    return (
        measurement(codes.VBQ, quality.score, VBQ_VERSION),
        measurement(codes.VBQ, quality.score_of_voxels, VBQ_VOXELS_VERSION),
        csf,
    )


def levels_in_words(levels: Sequence[Level]) -> str:
    """Return e.g. ``L1-L4`` or ``L1, L3``; "no level" for none."""
    if not levels:
        return "no level"
    names = [str(level) for level in levels]
    contiguous = len(levels) > 1 and levels[-1].value - levels[0].value == len(levels) - 1
    return f"{names[0]}-{names[-1]}" if contiguous else ", ".join(names)


def _rounded(value: float) -> float:
    return round(value, 4)
