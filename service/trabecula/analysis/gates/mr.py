"""Gates of MR: metal, marrow against its surroundings, and whether the tissues rank as the sequence says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from trabecula.analysis.biomarkers.vbq import LevelSignal
from trabecula.analysis.gates.context import GateContext, limits
from trabecula.analysis.regions import CsfRegion
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue


def metal(context: GateContext) -> Iterator[Reason]:
    """Signal voids that the segmenter calls metal exclude the bodies beside them."""
    if context.segmentation.tissues is None:
        return
    bounds = limits("metal")
    for body in context.bodies:
        window = body.wider_window(float(bounds["within_mm"]))
        voxels = int((context.segmentation.tissues[window] == TISSUE_LABELS[Tissue.METAL]).sum())
        volume = voxels * context.volume.geometry.voxel_volume_mm3
        if volume >= bounds["tissue_minimum_mm3"]:
            yield context.reason(ReasonCode.METAL, level=body.level, value=round(volume), unit="mm3")


def tissue_rank(context: GateContext, signals: Mapping[Level, LevelSignal], csf: CsfRegion | None) -> Iterator[Reason]:
    """Veto: fluid is darker than marrow on T1w and brighter on T2w, whatever the header says."""
    if csf is None or not signals:
        return
    marrow = float(np.median([signal.mean for signal in signals.values()]))
    ratio = marrow / csf.mean
    limit = float(limits("marrow")["veto_ratio"])
    wrong = ratio <= limit if context.role is SeriesRole.T1W else ratio >= limit
    if wrong:
        darker = "is not darker" if context.role is SeriesRole.T1W else "is not brighter"
        yield context.reason(
            ReasonCode.SEQUENCE_UNSUPPORTED,
            detail=f"cerebrospinal fluid {darker} than marrow, as {context.role.value} demands; marrow to fluid",
            value=round(ratio, 2),
            limit=limit,
        )


def diffuse_marrow(context: GateContext, signals: Mapping[Level, LevelSignal]) -> Iterator[Reason]:
    """On T1w, marrow no brighter than the discs is a sign of infiltration or reconversion."""
    if context.role is not SeriesRole.T1W or context.segmentation.tissues is None or not signals:
        return
    discs = context.segmentation.tissues == TISSUE_LABELS[Tissue.DISC]
    if int(discs.sum()) < 100:
        return
    disc = float(np.median(context.volume.array[discs]))
    marrow = float(np.median([signal.mean for signal in signals.values()]))
    if disc > 0 and marrow <= disc:
        yield context.reason(
            ReasonCode.DIFFUSE_MARROW, detail="marrow to disc signal", value=round(marrow / disc, 2), limit=1.0
        )
