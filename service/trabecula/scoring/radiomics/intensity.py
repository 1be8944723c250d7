"""The intensity scale of a feature set: percentiles of an image mapped to fixed values, what lies beyond clipped."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.domain.volume import Volume
from trabecula.imaging.boxes import Window, widened
from trabecula.scoring.radiomics.feature_set import FeatureSet, ScaleOver


def scale_limits(
    volume: Volume, labels: NDArray[np.uint8], boxes: Mapping[Level, Window], settings: FeatureSet
) -> tuple[float, float]:
    """Return the intensities at the ends of the scale; ``boxes`` are those of the bodies that are measured."""
    if settings.over is ScaleOver.BODIES:
        chosen = np.concatenate([volume.array[box][labels[box] == level.label] for level, box in boxes.items()])
    else:
        window = _surroundings(volume, boxes, settings.surroundings_mm)
        chosen = volume.array[window]
        if volume.padding is not None:
            chosen = chosen[~volume.padding[window]]
    low, high = np.percentile(chosen.astype(np.float64), settings.percentiles)
    return float(low), float(high)


def _surroundings(volume: Volume, boxes: Mapping[Level, Window], reach_mm: float) -> Window:
    """The box of all bodies and what lies around it."""
    parts = [
        slice(min(box[axis].start for box in boxes.values()), max(box[axis].stop for box in boxes.values()))
        for axis in range(3)
    ]
    reach = [int(np.ceil(reach_mm / step)) for step in volume.geometry.spacing_mm]
    return widened((parts[0], parts[1], parts[2]), (reach[0], reach[1], reach[2]), volume.geometry.shape)


def scaled(array: NDArray[np.float32], ends: tuple[float, float], settings: FeatureSet) -> NDArray[np.float64]:
    """Return float64 values on the scale of the set. A flat image becomes the lower end throughout."""
    low, high = ends
    start, end = settings.scale
    share = (array.astype(np.float64) - low) / max(high - low, 1e-12)
    return np.asarray(start + np.clip(share, 0.0, 1.0) * (end - start))
