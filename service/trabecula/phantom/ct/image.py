"""What a CT scanner makes of attenuation: partial volume, the kernel's blur or sharpening, streaks and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.fields import FWHM_PER_SIGMA, noise_like
from trabecula.phantom.protocols import CtProtocol, Kernel
from trabecula.phantom.tables import number

_METAL_HU = 3500.0

_MOTTLED = (
    PhantomTissue.SUBCUTANEOUS_FAT,
    PhantomTissue.MUSCLE,
    PhantomTissue.PSOAS,
    PhantomTissue.VISCERAL_FAT,
    PhantomTissue.ORGAN,
    PhantomTissue.BOWEL_CONTENT,
)


def reconstruct(hu: NDArray[np.float32], protocol: CtProtocol, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the image ``[slice, row, column]`` of true attenuation: HU, whole numbers, clipped to 12 bits."""
    sharp = protocol.kernel is Kernel.SHARP
    width = number("ct", "psf_sharp_fwhm_mm" if sharp else "psf_soft_fwhm_mm")
    sigma = width / FWHM_PER_SIGMA / protocol.pixel_mm
    image = ndimage.gaussian_filter(hu, (0.0, sigma, sigma), mode="nearest", truncate=3.0)
    if sharp:
        wide = 1.2 / protocol.pixel_mm
        image += number("ct", "sharp_gain") * (image - ndimage.gaussian_filter(image, (0.0, wide, wide), truncate=3.0))
    metal = hu > _METAL_HU
    for index in np.flatnonzero(metal.any(axis=(1, 2))):
        image[index] += _streaks(metal[index], protocol.pixel_mm, rng)
    deviation = number("ct", "noise_sharp_1mm_sd" if sharp else "noise_soft_1mm_sd")
    deviation *= protocol.noise_factor / np.sqrt(max(protocol.thickness_mm, 0.3))
    image += np.float32(deviation) * noise_like(rng, image.shape, 0.8, sharpen=0.6 if sharp else 0.0)
    image += np.float32(protocol.rescale_fault_hu)
    return np.rint(np.clip(image, number("ct", "clip_low"), number("ct", "clip_high"))).astype(np.float32)


def mottle(tissue: NDArray[np.uint8], protocol: CtProtocol, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the slow variation (HU, mean 0) of muscle and fat ``[slice, row, column]``; 0 in all other tissue."""
    field = rng.standard_normal(tissue.shape, dtype=np.float32)
    width = 2.2 / protocol.pixel_mm
    field = ndimage.gaussian_filter(field, (2.2 / protocol.increment_mm, width, width), mode="wrap", truncate=2.5)
    strength = number("ct", "mottle_hu") / max(float(field.std()), 1e-6)
    return np.where(np.isin(tissue, _MOTTLED), np.float32(strength) * field, np.float32(0.0))


def _streaks(metal: NDArray[np.bool_], pixel_mm: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the streaks (HU, mean near 0) that radiate from metal in one axial slice."""
    rows, columns = metal.shape
    size = (fft.next_fast_len(2 * rows), fft.next_fast_len(2 * columns))
    y = fft.fftfreq(size[0], 1 / size[0])[:, None] * pixel_mm
    x = fft.fftfreq(size[1], 1 / size[1])[None, :] * pixel_mm
    angle = np.arctan2(y, x)
    waves = sum(
        rng.normal() * np.cos(2 * order * angle + rng.uniform(0, 2 * np.pi)) / np.sqrt(order) for order in range(1, 14)
    )
    kernel = waves * number("ct", "streak_hu") * pixel_mm**2 / (np.hypot(x, y) + 6.0)
    spectrum = fft.rfft2(metal.astype(np.float32), size) * fft.rfft2(np.asarray(kernel, dtype=np.float32))
    return np.asarray(fft.irfft2(spectrum, size)[:rows, :columns], dtype=np.float32)
