"""The price of 1,197 features of one CT vertebra: cropped as the service does, beside the plain call on the volume.

Both run in one process on one thread; processor seconds, not wall-clock. The plain call needs about 8 GB at full size.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"

import numpy as np
import SimpleITK as sitk
from radiomics import imageoperations
from radiomics.featureextractor import RadiomicsFeatureExtractor

from trabecula.domain.modality import Modality
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume
from trabecula.scoring.radiomics.extraction import extract_series
from trabecula.scoring.radiomics.feature_set import FeatureSet, load_feature_set

MOST_CPU_SECONDS = 2.0
LEAST_RATIO = 30.0
LARGEST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Figures:
    """CPU seconds of both, their ratio, and the largest relative difference of a feature."""

    shape: tuple[int, ...]
    features: int
    cropped_cpu_s: float
    plain_cpu_s: float | None
    ratio: float | None
    largest_difference: float | None


def made_volume(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> tuple[Volume, np.ndarray]:
    """A vertebra of 46 x 34 x 27 mm (an elliptic cylinder with a dense shell) in noise that has texture."""
    generator = np.random.default_rng(1)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, spacing_mm[2]], [0, spacing_mm[1], 0], [spacing_mm[0], 0, 0]])
    geometry = Geometry(shape, affine)
    array = generator.normal(40, 20, shape).astype(np.float32)
    centre = [size // 2 for size in shape]
    reach = [int(30 / step) for step in spacing_mm]
    window = tuple(slice(middle - more, middle + more) for middle, more in zip(centre, reach, strict=True))
    offsets = np.stack(np.meshgrid(*[np.arange(-more, more) for more in reach], indexing="ij"), axis=-1) * spacing_mm
    radius = np.hypot(offsets[..., 1] / 17, offsets[..., 2] / 23)
    inside = (radius < 1) & (np.abs(offsets[..., 0]) < 13.5)
    array[window] += np.where(inside, 110, 0) + np.where(inside & (radius > 0.93), 200, 0)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[window] = np.where(inside, Level.L3.label, 0)
    return Volume(array=array, geometry=geometry, modality=Modality.CT), labels


def plain(volume: Volume, labels: np.ndarray, settings: FeatureSet) -> np.ndarray:
    """The whole volume scaled, resampled and filtered, with pyradiomics' own functions."""
    low, high = np.percentile(volume.array[labels > 0].astype(np.float64), settings.percentiles)
    image = sitk.GetImageFromArray(255.0 * np.clip((volume.array.astype(np.float64) - low) / (high - low), 0, 1))
    mask = sitk.GetImageFromArray((labels > 0).astype(np.uint8))
    for picture in (image, mask):
        picture.SetSpacing(volume.geometry.spacing_mm[::-1])
    image, mask = imageoperations.resampleImage(
        image, mask, resampledPixelSpacing=[1.0, 1.0, 1.0], interpolator="sitkBSpline", padDistance=10_000, label=1
    )
    extractor = RadiomicsFeatureExtractor(binWidth=settings.bin_width, additionalInfo=False)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(**{kind: list(names) for kind, names in settings.classes.items()})
    extractor.enableImageTypes(Original={}, LoG={"sigma": list(settings.log_sigma_mm)}, Wavelet={})
    found = extractor.execute(image, mask)
    return np.array([float(found[name]) for name in settings.names])


def timed(function: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Return processor seconds and the answer."""
    started = time.process_time()
    answer = function()
    return time.process_time() - started, answer


def main() -> int:
    """Measure, print, and return 1 where a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--shape", type=int, nargs=3, default=(200, 512, 512))
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.0, 0.98, 0.98), help="mm: a 500 mm field of view")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cropped-only", action="store_true", help="leave out the plain call")
    given = parser.parse_args()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    settings = load_feature_set("xue2022_ct")
    volume, labels = made_volume(tuple(given.shape), tuple(given.spacing))
    runs = [
        timed(lambda: extract_series(volume, labels, [Level.L3], settings)[Level.L3]) for _ in range(given.repeats + 1)
    ]
    cropped, ours = min(seconds for seconds, _ in runs[1:]), runs[0][1]
    seconds, difference = None, None
    if not given.cropped_only:
        seconds, theirs = timed(lambda: plain(volume, labels, settings))
        difference = float(np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)))
    ratio = seconds / cropped if seconds else None
    figures = Figures(tuple(given.shape), len(settings.names), cropped, seconds, ratio, difference)
    print(json.dumps(asdict(figures), indent=1))
    if given.json:
        given.json.write_text(json.dumps(asdict(figures), indent=1))
    full = tuple(given.shape) == (200, 512, 512)
    broken = cropped > MOST_CPU_SECONDS
    broken |= difference is not None and difference > LARGEST_DIFFERENCE
    broken |= full and ratio is not None and ratio < LEAST_RATIO
    return int(broken)


if __name__ == "__main__":
    raise SystemExit(main())
