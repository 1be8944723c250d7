"""Plain numbers of a crop, by which the service sees whether a study looks like those a model of images was trained on.

They are of the picture, not of the network, so that their limits can be set on patients held out.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.scoring.crops.vertebra import Crop

STATISTICS = (
    "mean",
    "sd",
    "percentile_25",
    "median",
    "percentile_75",
    "border_mean",
    "gradient_per_mm",
    "noise",
    "height_mm",
    "depth_mm",
    "pixel_mm",
)
"""Intensities are those of the crop (0-1). ``border_mean``: the outer tenth on each side. ``noise``: the median size of
the four-neighbour Laplacian. ``height_mm`` and ``depth_mm`` include the margin."""

_BORDER = 0.1


def crop_statistics(crop: Crop) -> NDArray[np.float64]:
    """Return the numbers of STATISTICS, in order."""
    image = crop.image.astype(np.float64)
    rows, columns = (max(1, round(_BORDER * length)) for length in image.shape)
    inner = np.zeros(image.shape, dtype=bool)
    inner[rows:-rows, columns:-columns] = True
    slopes = [np.diff(image, axis=axis) / crop.pixel_mm[axis] for axis in (0, 1)]
    gradient = float(np.mean([np.abs(slope).mean() for slope in slopes]))
    noise = float(np.median(np.abs(ndimage.laplace(image, mode="nearest"))))
    quartiles = np.percentile(image, [25, 50, 75])
    return np.array(
        [image.mean(), image.std(), *quartiles, image[~inner].mean(), gradient, noise, *crop.size_mm, crop.pixel_mm[0]],
        dtype=np.float64,
    )


def study_statistics(crops: Iterable[Crop]) -> NDArray[np.float64]:
    """Return the mean over the crops of one patient. Raises ValueError without any."""
    rows = [crop_statistics(crop) for crop in crops]
    if not rows:
        raise ValueError("no crop, no statistics")
    return np.asarray(np.mean(rows, axis=0), dtype=np.float64)
