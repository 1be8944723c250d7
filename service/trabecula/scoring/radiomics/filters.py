"""Filtered images of one body: the original, Laplacians of Gaussian and a wavelet step, each cut to the body itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pywt
import SimpleITK as sitk
from numpy.typing import NDArray

from trabecula.imaging.boxes import Window, widened
from trabecula.scoring.radiomics.feature_set import FeatureSet

WAVELET_VOXELS = 8
"""The six taps of coif1 reach three voxels; beyond that a margin changes nothing."""
LAPLACIAN_SIGMAS = 12
"""The recursive filter forgets its border over this many sigma; at ten, features still moved by 1.3e-6."""


def filtered(image: sitk.Image, box: Window, settings: FeatureSet) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield (name, values of ``box``) for every image of the set, in the set's order.

    ``image`` holds the body and its margin; ``box`` ``[z, y, x]`` is the body.
    """
    values: NDArray[np.float64] = sitk.GetArrayViewFromImage(image)
    names = iter(settings.images)
    yield next(names), np.array(values[box])
    for sigma in settings.log_sigma_mm:
        yield next(names), _laplacian(image, sigma, settings.in_plane, box)
    axes = (2, 1, 0) if not settings.in_plane else (1, 0)
    near, inner = _even(values, box)
    parts = pywt.swtn(near, settings.wavelet, level=1, start_level=0, axes=axes)[0]
    for name in names:
        key = name.removeprefix("wavelet-").replace("L", "a").replace("H", "d")
        yield name, np.array(parts[key][inner])


def _laplacian(image: sitk.Image, sigma_mm: float, in_plane: bool, box: Window) -> NDArray[np.float64]:
    laplacian = sitk.LaplacianRecursiveGaussianImageFilter()
    laplacian.SetNormalizeAcrossScale(True)
    laplacian.SetSigma(sigma_mm)
    laplacian.SetNumberOfThreads(1)
    near, inner = _near(image, box, LAPLACIAN_SIGMAS * sigma_mm)
    if not in_plane:
        return np.array(sitk.GetArrayViewFromImage(laplacian.Execute(near))[inner])
    slices = [laplacian.Execute(near[number, :, :]) for number in range(inner[2].start, inner[2].stop)]
    return np.stack([sitk.GetArrayViewFromImage(plane)[inner[:2]] for plane in slices], axis=2)


def _near(image: sitk.Image, box: Window, margin_mm: float) -> tuple[sitk.Image, Window]:
    """Return the part of the image within ``margin_mm`` of the box, and the box within it."""
    sizes, spacing = image.GetSize()[::-1], image.GetSpacing()[::-1]
    reach = [int(np.ceil(margin_mm / step)) for step in spacing]
    near = widened(box, (reach[0], reach[1], reach[2]), (sizes[0], sizes[1], sizes[2]))
    return image[tuple(near[::-1])], _within(box, near)


def _even(values: NDArray[np.float64], box: Window) -> tuple[NDArray[np.float64], Window]:
    """Return the box with a few voxels around it, of even sizes as the transform demands, and the box within it."""
    sizes = (values.shape[0], values.shape[1], values.shape[2])
    near = widened(box, (WAVELET_VOXELS,) * 3, sizes)
    part = values[near]
    odd = [(0, size % 2) for size in part.shape]
    return np.pad(part, odd, "edge"), _within(box, near)


def _within(box: Window, near: Window) -> Window:
    parts = [slice(own.start - wide.start, own.stop - wide.start) for own, wide in zip(box, near, strict=True)]
    return parts[0], parts[1], parts[2]
