"""The regions that were measured, found again for the picture: the same definition on the same label map."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.modality import Modality
from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import Level, level_of_label
from trabecula.regions import medullary_v1, trabecular_v1
from trabecula.regions.bodies import Body, cut_bodies
from trabecula.reporting.picture.views.contours import Cut, cuts_of


def measured_regions(volume: AnalysedVolume, levels: Collection[Level]) -> dict[int, Cut]:
    """Return the measured region of each of these levels by label, cut out of the volume's grid.

    It is trab_v1 on CT and medullary_v1 on MR. A level whose region is empty has none.
    """
    regions = {}
    for body in _bodies(volume):
        if body.level not in levels:
            continue
        region = _region(body, volume.volume.modality) & body.measured
        if region.any():
            start = (body.window[0].start, body.window[1].start, body.window[2].start)
            regions[body.segmented.label] = Cut(region, start)
    return regions


def _region(body: Body, modality: Modality) -> NDArray[np.bool_]:
    try:
        frame = body.frame
    except ValueError:  # a mask without axes was not measured either
        return np.zeros(body.mask.shape, dtype=np.bool_)
    define = trabecular_v1 if modality is Modality.CT else medullary_v1
    return define(body.mask, body.geometry, frame)


def _bodies(volume: AnalysedVolume) -> tuple[Body, ...]:
    labels = list(cuts_of(volume.labels))
    bodies = tuple(SegmentedBody(label=label, level=level_of_label(label), quality=1.0) for label in labels)
    again = Segmentation(
        labels=volume.labels, bodies=bodies, segmenter=SegmenterIdentity("", ""), quality=1.0, numbering=""
    )
    return cut_bodies(volume.volume, again)
