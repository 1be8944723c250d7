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


def measured_regions(volume: AnalysedVolume, levels: Collection[Level]) -> dict[int, NDArray[np.bool_]]:
    """Return the measured region of each of these levels on the volume's grid, by label: trab_v1 on CT, medullary_v1
    on MR. A level whose region is empty has none."""
    regions = {}
    for body in _bodies(volume):
        if body.level not in levels:
            continue
        region = _region(body, volume.volume.modality) & body.measured
        if region.any():
            whole = np.zeros(volume.labels.shape, dtype=np.bool_)
            whole[body.window] = region
            regions[body.segmented.label] = whole
    return regions


def _region(body: Body, modality: Modality) -> NDArray[np.bool_]:
    try:
        frame = body.frame
    except ValueError:  # a mask without axes was not measured either
        return np.zeros(body.mask.shape, dtype=np.bool_)
    define = trabecular_v1 if modality is Modality.CT else medullary_v1
    return define(body.mask, body.geometry, frame)


def _bodies(volume: AnalysedVolume) -> tuple[Body, ...]:
    labels = [int(label) for label in np.unique(volume.labels) if label]
    bodies = tuple(SegmentedBody(label=label, level=level_of_label(label), quality=1.0) for label in labels)
    again = Segmentation(
        labels=volume.labels, bodies=bodies, segmenter=SegmenterIdentity("", ""), quality=1.0, numbering=""
    )
    return cut_bodies(volume.volume, again)
