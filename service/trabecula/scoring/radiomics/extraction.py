"""Extraction of a feature set from the bodies of one series: one float64 vector per level, for training and service.

The same numbers as pyradiomics' own extractor gives on the whole resampled volume (to 1e-6), for a small part of the
work: everything is computed in a box around each body.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from radiomics.featureextractor import RadiomicsFeatureExtractor
from scipy import ndimage

from trabecula.domain.spine import Level
from trabecula.domain.volume import Volume
from trabecula.imaging.boxes import Window, box_of
from trabecula.scoring.radiomics.axes import turning
from trabecula.scoring.radiomics.feature_set import FeatureSet
from trabecula.scoring.radiomics.filters import filtered
from trabecula.scoring.radiomics.grid import Acquired, GridCut, cut_to_grid
from trabecula.scoring.radiomics.intensity import scale_limits, scaled

Vector = NDArray[np.float64]

FEWEST_VOXELS = 64
"""A body of fewer voxels on the grid of the set holds no texture."""

logging.getLogger("radiomics").setLevel(logging.ERROR)


def extract_series(
    volume: Volume, labels: NDArray[np.uint8], levels: Iterable[Level], settings: FeatureSet
) -> dict[Level, Vector]:
    """Return the features of each level that ``labels`` holds, in the order of ``settings.names``.

    ``levels`` are the bodies to be trusted: they also set the intensity scale. A feature without a finite value is NaN,
    and so are all of a body that is too small for textures.
    """
    boxes = ndimage.find_objects(labels)
    found: dict[Level, Window] = {}
    for level in levels:
        box = boxes[level.label - 1] if level.label <= len(boxes) else None
        if box is not None:
            found[level] = (box[0], box[1], box[2])
    if not found:
        return {}
    ends = scale_limits(volume, labels, found, settings)
    return {level: extract_body(volume, labels, level, box, ends, settings) for level, box in found.items()}


def extract_body(
    volume: Volume,
    labels: NDArray[np.uint8],
    level: Level,
    box: Window,
    ends: tuple[float, float],
    settings: FeatureSet,
) -> Vector:
    """Return the features of one body, which lies in ``box``; ``ends`` are the intensities at the scale's ends."""
    turn = turning(volume.geometry)
    series = Acquired(
        turn.array(volume.array), turn.array(labels), turn.spacing_mm, lambda values: scaled(values, ends, settings)
    )
    cut = cut_to_grid(series, level.label, turn.box(box), settings.spacing_mm, settings.margin_mm)
    values = features_of(cut, settings)
    return np.array([values.get(name, np.nan) for name in settings.names], dtype=np.float64)


def features_of(cut: GridCut, settings: FeatureSet) -> dict[str, float]:
    """Return the features of a body on the set's grid by name; none of a body too small for textures."""
    mask = sitk.GetArrayFromImage(cut.mask).astype(np.bool_)
    if int(mask.sum()) < FEWEST_VOXELS:
        return {}
    if settings.slices:
        mask = middle_slices(mask, settings.slices)
    box = box_of(mask)
    inside = np.ascontiguousarray(mask[box]).astype(np.uint8)
    mask_image = _like(inside, cut.image)
    extractor = _extractor(settings)
    found: dict[str, Any] = {}
    for name, values in filtered(cut.image, box, settings):
        image = _like(values, cut.image)
        if name == "original":
            whole = [end for size in inside.shape[::-1] for end in (0, size - 1)]
            found |= extractor.computeShape(image, mask_image, np.array(whole), **extractor.settings)
        found |= extractor.computeFeatures(image, mask_image, name, **extractor.settings)
    return {name: float(value) for name, value in found.items()}


def middle_slices(mask: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Return the part of a mask ``[z, y, x]`` on the ``count`` sagittal slices around the median one of the body."""
    areas = np.cumsum(mask.sum(axis=(0, 1)))
    middle = int(np.searchsorted(areas, areas[-1] / 2))
    first = max(0, middle - count // 2)
    kept = np.zeros_like(mask)
    kept[:, :, first : first + count] = mask[:, :, first : first + count]
    return kept


@cache
def _prepared(bin_width: float, distances: tuple[int, ...], in_plane: bool) -> RadiomicsFeatureExtractor:
    return RadiomicsFeatureExtractor(
        binWidth=bin_width,
        distances=list(distances),
        force2D=in_plane,
        force2Ddimension=2,
        additionalInfo=False,
        minimumROIDimensions=1,
    )


def _extractor(settings: FeatureSet) -> RadiomicsFeatureExtractor:
    extractor = _prepared(settings.bin_width, settings.distances, settings.in_plane)
    extractor.disableAllFeatures()
    wanted: Mapping[str, list[str]] = {kind: list(names) for kind, names in settings.classes.items()}
    extractor.enableFeaturesByName(**wanted)
    return extractor


def _like(array: NDArray[Any], image: sitk.Image) -> sitk.Image:
    picture = sitk.GetImageFromArray(array)
    picture.SetSpacing(image.GetSpacing())
    return picture
