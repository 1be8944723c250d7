"""Gates of MR: metal, marrow against its surroundings, and whether the tissues rank as the sequence says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.biomarkers.vbq import LevelSignal
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import MARROW, METAL
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue
from trabecula.regions import CsfRegion


def metal(context: GateContext) -> Iterator[Reason]:
    """Voids that the segmenter calls metal exclude the bodies beside them, where they are as large as metal makes."""
    voids = _voids(context)
    if voids is None:
        return
    bounds = METAL
    for body in context.bodies:
        window = body.wider_window(bounds.within_mm)
        volume = int(voids[window].sum()) * context.volume.geometry.voxel_volume_mm3
        if volume >= bounds.tissue_minimum_mm3:
            yield context.reason(ReasonCode.METAL, level=body.level, value=round(volume), unit="mm3")


def _voids(context: GateContext) -> NDArray[np.bool_] | None:
    """Where single pieces called metal are large and dark enough; None where there is none.

    Sclerotic joints, ligaments and vessels are dark as well, and the segmenter calls small pieces of them metal in
    healthy people; the void of a screw is many times as large, and hardly gives any signal.
    """
    segmentation, image = context.segmentation, context.volume.array
    if segmentation.tissues is None or not (segmentation.labels > 0).any():
        return None
    bounds = METAL
    least = bounds.void_minimum_mm3 / context.volume.geometry.voxel_volume_mm3
    pieces, count = ndimage.label(segmentation.tissues == TISSUE_LABELS[Tissue.METAL], structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    darkest = float(np.min(image))
    marrow = float(np.median(image[segmentation.labels > 0])) - darkest
    kept = [
        number
        for number in np.flatnonzero(sizes >= least) + 1
        if float(np.median(image[pieces == number])) - darkest <= bounds.void_to_marrow * marrow
    ]
    return np.isin(pieces, kept) if kept else None


def tissue_rank(context: GateContext, signals: Mapping[Level, LevelSignal], csf: CsfRegion | None) -> Iterator[Reason]:
    """Veto: fluid is darker than marrow on T1w and brighter on T2w, whatever the header says."""
    if csf is None or not signals:
        return
    marrow = float(np.median([signal.mean for signal in signals.values()]))
    ratio = marrow / csf.mean
    limit = MARROW.veto_ratio
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
