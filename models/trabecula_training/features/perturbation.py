"""Perturbation of outlines and images: how much each feature changes when the outline or the noise is another.

Uses no labels, so that a feature may be left out before any fold is drawn (Zwanenburg 2019, Sci Rep 9:614).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.volume import Volume
from trabecula.scoring.radiomics.extraction import extract_series
from trabecula.scoring.radiomics.feature_set import FeatureSet
from trabecula.scoring.radiomics.series_features import trusted_levels
from trabecula_training.statistics.icc import icc_lower_bound

Perturbed = NDArray[np.float64]
"""Features of one body under every perturbation, ``[perturbation, feature]``; the first row is the body as it is."""

SHIFT_MM = 1.0
NOISE_SHARE = 0.1
"""Noise added, as a share of the standard deviation inside the bodies."""
_SEED = 20260101


def perturbed_features(context: ScoringContext, role: SeriesRole, settings: FeatureSet) -> tuple[Perturbed, ...]:
    """Return, for every trusted body of a series, its features as it is and under each perturbation."""
    measured, levels = context.series[role], trusted_levels(context)
    labels = measured.segmentation.labels
    rows = [
        extract_series(volume, outline, levels, settings) for volume, outline in perturbations(measured.volume, labels)
    ]
    return tuple(np.stack([row[level] for row in rows]) for level in levels if all(level in row for row in rows))


def perturbations(volume: Volume, labels: NDArray[np.uint8]) -> Sequence[tuple[Volume, NDArray[np.uint8]]]:
    """Return image and labels: as they are, eroded and dilated by one voxel in the slice, shifted by 1 mm to either
    side, and with noise."""
    in_slice = np.zeros((3, 3, 3), dtype=bool)
    in_slice[1, 1, :] = in_slice[1, :, 1] = True
    eroded = np.where(ndimage.binary_erosion(labels > 0, in_slice), labels, 0).astype(np.uint8)
    grown = np.where(labels > 0, labels, ndimage.grey_dilation(labels, footprint=in_slice)).astype(np.uint8)
    outlines = [labels, eroded, grown, *(_shifted(labels, volume, sign * SHIFT_MM) for sign in (1, -1))]
    return [*((volume, outline) for outline in outlines), (_noisy(volume, labels), labels)]


def _shifted(labels: NDArray[np.uint8], volume: Volume, millimetres: float) -> NDArray[np.uint8]:
    """The outline moved along the columns of the slices, by at least one voxel."""
    step = volume.geometry.spacing_mm[2]
    voxels = int(np.sign(millimetres)) * max(1, round(abs(millimetres) / step))
    moved = np.roll(labels, voxels, axis=2)
    edge = slice(0, voxels) if voxels > 0 else slice(voxels, None)
    moved[:, :, edge] = 0
    return moved


def _noisy(volume: Volume, labels: NDArray[np.uint8]) -> Volume:
    inside = labels > 0
    spread = float(volume.array[inside].std()) if inside.any() else 0.0
    noise = np.random.default_rng(_SEED).normal(0.0, NOISE_SHARE * spread, volume.array.shape)
    return replace(volume, array=(volume.array + noise).astype(np.float32))


def stability(bodies: Sequence[Perturbed]) -> NDArray[np.float64]:
    """Return, for each feature, the lower bound of ICC(2,1) over bodies and perturbations; 0 where it is not finite."""
    cube = np.stack(bodies)
    return np.nan_to_num(icc_lower_bound(cube), nan=0.0)
