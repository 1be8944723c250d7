"""What an MR scanner makes of signal: shading of the coil, the finite k-space, voids around metal, Rician noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from trabecula.domain.volume import FloatArray, Geometry

_TAPER = 0.65
"""Where the k-space filter falls to 1/e, as a share of the highest frequency: scanners filter against ringing."""

_VOID_MM = 7.0
_PILE_MM = 2.5


def shading(points_mm: FloatArray, centre_mm: FloatArray, strength: float) -> FloatArray:
    """Return the receive sensitivity at points ``(..., 3)``: 1 at the centre, ``strength`` more 100 mm behind it and
    less before it, falling off toward the ends of the coil (half of ``strength`` at 130 mm)."""
    offset = np.asarray(points_mm, dtype=np.float64) - centre_mm
    behind = np.clip(offset[..., 1] / 100.0, -1.3, 1.3)
    along = np.clip(np.abs(offset[..., 2]) / 130.0, 0.0, 1.5)
    return np.asarray((1.0 + strength * behind) * (1.0 - 0.5 * strength * along**2))


def sensitivity(geometry: Geometry, centre_mm: FloatArray, strength: float) -> NDArray[np.float32]:
    """Return the shading of every voxel."""
    grids = np.meshgrid(*(np.arange(size, dtype=np.float64) for size in geometry.shape), indexing="ij")
    return shading(geometry.to_lps(np.stack(grids, axis=-1)), centre_mm, strength).astype(np.float32)


def truncated(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return slices as a finite, filtered k-space shows them: slightly blurred."""
    rows, columns = image.shape[1:]
    spectrum = fft.rfft2(image)
    vertical = np.abs(fft.fftfreq(rows)) / 0.5
    horizontal = np.abs(fft.rfftfreq(columns)) / 0.5
    window = _taper(vertical)[:, None] * _taper(horizontal)[None, :]
    return np.asarray(np.maximum(fft.irfft2(spectrum * window, (rows, columns)), 0.0), dtype=np.float32)


def _taper(frequency: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-((frequency / _TAPER) ** 2)))


def with_metal(
    image: NDArray[np.float32], metal: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Return the image with the signal void around metal and the bright rim where displaced signal piles up."""
    if not metal.any():
        return image
    distance = ndimage.distance_transform_edt(~metal, sampling=spacing_mm)
    void = 1.0 / (1.0 + np.exp(-(distance - _VOID_MM) / 0.8))
    pile = 1.0 + 1.1 * np.exp(-(((distance - _VOID_MM - _PILE_MM) / 1.6) ** 2))
    return np.asarray(image * void * pile, dtype=np.float32)


def rician(image: NDArray[np.float32], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the magnitude of the image with complex noise of SD ``sigma`` in each channel."""
    real = image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(np.hypot(real, imaginary), dtype=np.float32)


def mottled(
    image: NDArray[np.float32], where: NDArray[np.bool_], strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the image with a slow, mean-free variation of soft tissue (``where``) within each slice."""
    white = rng.standard_normal(image.shape, dtype=np.float32)
    field = ndimage.gaussian_filter(white, (0.0, 2.0, 2.0), mode="wrap", truncate=3.0)
    field /= max(float(field.std()), 1e-6)
    return np.asarray(image * np.where(where, 1.0 + strength * field, 1.0), dtype=np.float32)
