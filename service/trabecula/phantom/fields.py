"""Random fields that belong to places, not to voxels: any grid that samples the same point reads the same value."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FWHM_PER_SIGMA = 2.3548
"""Full width at half maximum of a Gaussian in standard deviations."""

_TILE = 96
"""Edge of the periodic tile in samples."""


@lru_cache(maxsize=8)
def _tile(seed: int, samples_per_fwhm: float) -> NDArray[np.float32]:
    white = np.random.default_rng(seed).standard_normal((_TILE,) * 3, dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, samples_per_fwhm / FWHM_PER_SIGMA, mode="wrap")
    return np.asarray((smooth - smooth.mean()) / smooth.std(), dtype=np.float32)


def texture_at(points_mm: NDArray[np.floating], seed: int, fwhm_mm: float) -> NDArray[np.float32]:
    """Return a Gaussian field of mean 0 and SD 1 at LPS points ``(n, 3)``; ``fwhm_mm`` is its smoothing kernel's width.

    It repeats after 96 samples of a third of the width, i.e. 48 mm for 1.5 mm: no two places inside a body are alike.
    """
    step = fwhm_mm / 3.0
    index = np.rint(np.asarray(points_mm, dtype=np.float32) / np.float32(step)).astype(np.int32) % _TILE
    return np.asarray(_tile(seed, 3.0)[index[:, 0], index[:, 1], index[:, 2]], dtype=np.float32)


def noise_like(
    rng: np.random.Generator, shape: tuple[int, ...], smooth_px: float, sharpen: float = 0.0
) -> NDArray[np.float32]:
    """Return noise of SD 1, smoothed in the last two axes, or high-passed there by ``sharpen`` (sharp kernel)."""
    white = rng.standard_normal(shape, dtype=np.float32)
    sigma = (0.0,) * (len(shape) - 2) + (smooth_px, smooth_px)
    smooth = ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=3.0)
    field = white - sharpen * smooth if sharpen > 0 else smooth
    return np.asarray(field / max(float(field.std()), 1e-6), dtype=np.float32)
