"""From a label image to a Segmentation: bodies with their places, sizes and plain checks, for every foreign source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, level_of_label
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Plane, Tissue
from trabecula.regions.bodies import TOUCHING_VOXELS
from trabecula.segmentation.foreign.whole_vertebrae import body_of_vertebra, largest_piece

_MIN_BODY_MM2 = 150.0


@dataclass(frozen=True, kw_only=True)
class LabelSource:
    """What is known of a label image beside its numbers: who made it, how levels were named, its expected Dice."""

    identity: SegmenterIdentity
    numbering: str
    quality: float
    whole_vertebrae: bool = False
    timings_s: Mapping[str, float] = field(default_factory=dict)


def segmentation_of(
    labels: NDArray[np.uint8],
    geometry: Geometry,
    source: LabelSource,
    tissues: NDArray[np.uint8] | None = None,
) -> Segmentation:
    """Return the segmentation that ``labels`` (our numbers) say.

    Whole vertebrae are cut to bodies; specks are dropped; bodies of unknown level are renumbered 101, 102, ... from the
    top. A body at the border of the image is incomplete.
    """
    kept = np.zeros(labels.shape, dtype=np.uint8)
    tissue_map = None if tissues is None else tissues.copy()
    found: list[SegmentedBody] = []
    for label in (int(value) for value in np.unique(labels) if value):
        mask = labels == label
        body, main_share = _body(mask, geometry, source)
        if tissue_map is not None:
            tissue_map[mask & (tissue_map == 0)] = TISSUE_LABELS[Tissue.POSTERIOR]
            tissue_map[body] = TISSUE_LABELS[Tissue.BODY]
        if float(body.sum()) * geometry.voxel_volume_mm3 / geometry.spacing_mm[0] >= _MIN_BODY_MM2:
            kept[body] = label
            found.append(_described(label, body, geometry, source, main_share))
    bodies = _numbered(found, kept)
    quality = source.quality if bodies else 0.0
    return Segmentation(
        labels=kept,
        bodies=bodies,
        segmenter=source.identity,
        quality=quality,
        numbering=source.numbering,
        tissues=tissue_map,
        timings_s=dict(source.timings_s),
    )


def _body(mask: NDArray[np.bool_], geometry: Geometry, source: LabelSource) -> tuple[NDArray[np.bool_], float]:
    """The body of a label, and what part of the label its largest piece is (1 where whole vertebrae are cut down)."""
    main = largest_piece(mask)
    if source.whole_vertebrae:
        return body_of_vertebra(main, geometry), 1.0
    return main, float(main.sum()) / float(mask.sum())


def _touches_border(mask: NDArray[np.bool_], geometry: Geometry) -> bool:
    axes = (1, 2) if geometry.plane is Plane.SAGITTAL else (0, 1, 2)
    faces = [np.take(mask, place, axis=axis) for axis in axes for place in (0, -1)]
    return any(int(face.sum()) >= TOUCHING_VOXELS for face in faces)


def _described(
    label: int, body: NDArray[np.bool_], geometry: Geometry, source: LabelSource, main_share: float
) -> SegmentedBody:
    centre = geometry.to_lps(np.argwhere(body).mean(axis=0))
    return SegmentedBody(
        label=label,
        level=level_of_label(label),
        quality=source.quality,
        complete=not _touches_border(body, geometry),
        centroid_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        volume_mm3=float(body.sum()) * geometry.voxel_volume_mm3,
        main_share=main_share,
    )


def _numbered(found: list[SegmentedBody], kept: NDArray[np.uint8]) -> tuple[SegmentedBody, ...]:
    """Sort the bodies from the top; number those of unknown level 101, 102, ... in ``kept`` too."""
    bodies: list[SegmentedBody] = []
    table = np.arange(256, dtype=np.uint8)
    unknown = 0
    for body in sorted(found, key=lambda body: -body.centroid_mm[2]):
        if body.level is None:
            table[body.label] = FIRST_UNKNOWN_LABEL + unknown
            bodies.append(replace(body, label=FIRST_UNKNOWN_LABEL + unknown))
            unknown += 1
        else:
            bodies.append(body)
    if unknown:
        kept[:] = table[kept]
    return tuple(bodies)
