"""Whether the T1w and the T2w segmentation of one study say the same: overlap and names of the bodies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.regions.bodies import Body
from trabecula.segmentation.attempts import Segmented
from trabecula.segmentation.limits import OUTLINE


def disagreements(primary: Segmented, other: Segmented) -> Iterator[Reason]:
    """Give SEG_WARNING for levels that overlap too little, NUMBERING_AMBIGUOUS where the names are shifted.

    Only series in one frame of reference can be compared; each finding concerns the primary series.
    """
    frames = [item.candidate.acquisition.frame_of_reference_uid for item in (primary, other)]
    if not frames[0] or frames[0] != frames[1]:
        return
    limit = OUTLINE.agreement_dice
    series_uid = primary.candidate.series_uid
    for body in primary.bodies:
        if body.level not in MEASURED_LEVELS:
            continue
        names = _names_inside(body, other)
        if names and max(names, key=lambda name: names[name]) not in (0, body.level.value):
            detail = f"{body.level} in one series is another level in the other"
            yield Reason(
                code=ReasonCode.NUMBERING_AMBIGUOUS, blocking=True, level=None, series_uid=series_uid, detail=detail
            )
            return
        overlap = _dice(body, other)
        if overlap is not None and overlap < limit:
            detail = "overlap of T1w and T2w"
            yield Reason(
                code=ReasonCode.SEG_WARNING,
                blocking=False,
                level=body.level,
                series_uid=series_uid,
                detail=detail,
                value=round(overlap, 2),
                limit=limit,
            )


def _labels_at(body: Body, other: Segmented) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], bool]:
    """Labels of the other series at this body's voxels (nearest voxel), and whether all lie within its grid."""
    points = body.geometry.to_lps(np.argwhere(body.mask).astype(np.float64))
    indices = np.round(other.volume.geometry.to_index(points)).astype(int)
    inside = ((indices >= 0) & (indices < np.array(other.volume.geometry.shape))).all(axis=1)
    labels = np.zeros(len(indices), dtype=np.uint8)
    labels[inside] = other.segmentation.labels[tuple(indices[inside].T)]
    return labels, bool(inside.mean() > 0.9)


def _names_inside(body: Body, other: Segmented) -> dict[int, int]:
    labels, covered = _labels_at(body, other)
    if not covered:
        return {}
    values, counts = np.unique(labels, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def _dice(body: Body, other: Segmented) -> float | None:
    theirs = next((item for item in other.bodies if item.level is body.level), None)
    labels, covered = _labels_at(body, other)
    if theirs is None or not covered:
        return None
    shared = float((labels == theirs.segmented.label).sum()) * body.geometry.voxel_volume_mm3 / 1000.0
    return 2 * shared / (body.volume_cm3 + theirs.volume_cm3)
