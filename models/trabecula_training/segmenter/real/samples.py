"""Training samples from real volumes: windows of a stack as the segmenter cuts it, turned, scaled and dimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.segmentation.network.grids import axes_of, lay_grid, side_step, whole
from trabecula.segmentation.network.inference import neighbour_stride
from trabecula.segmentation.network.preprocess import cut_stack, intensity_of
from trabecula_training.segmenter.drawing.classes import NetworkClass
from trabecula_training.segmenter.drawing.contrast import Look
from trabecula_training.segmenter.drawing.generator import Sample
from trabecula_training.segmenter.drawing.scanner import draw_padding, noise
from trabecula_training.segmenter.drawing.warp import smooth_field
from trabecula_training.segmenter.real.data import RealCase
from trabecula_training.segmenter.real.partial_targets import targets_of

_CT_WINDOW_HU, _MR_PERCENTILES = (-200.0, 800.0), (0.5, 99.5)
_WITH_BODY = 0.85
"""How many windows lie in a slice with an outlined body; the others anywhere in the volume."""
_ALONE, _THICKEST_MM = 0.3, 6.5
_WANDER_MM = 40.0

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class RealSlab:
    """A real volume as the network sees it: ``images`` float16 0-1 and ``targets`` (codes of ``partial_targets``), both
    ``[slice, row, column]`` with pixels of 1 mm; ``shown`` are the slices with an outlined body."""

    images: NDArray[np.float16]
    targets: NDArray[np.uint8]
    padding: NDArray[np.bool_]
    shown: NDArray[np.intp]
    step_mm: float
    modality: Modality


def slab_of(case: RealCase) -> RealSlab:
    """Lay a labelled volume out as the segmenter does, over its whole extent."""
    volume, axes = case.volume, axes_of(case.volume.geometry)
    grid = lay_grid(axes, whole(axes), side_step(axes, volume.modality))
    stack = cut_stack(volume, grid, intensity_of(volume, _CT_WINDOW_HU, _MR_PERCENTILES))
    places = zip((grid.side, grid.row, grid.column), axes.sizes, strict=True)
    nearest = [np.clip(np.rint(place).astype(int), 0, size - 1) for place, size in places]
    truth = np.transpose(case.truth, axes.order)[np.ix_(*nearest)]
    return RealSlab(
        images=stack.images.astype(np.float16),
        targets=targets_of(truth, stack.padding, case.whole_vertebrae),
        padding=stack.padding,
        shown=np.flatnonzero(truth.any(axis=(1, 2))),
        step_mm=grid.side_step_mm,
        modality=volume.modality,
    )


def draw_real_sample(seed: tuple[int, ...], slabs: Sequence[RealSlab], shape: tuple[int, int]) -> Sample:
    """Draw sample ``seed``; the same seed and slabs give the same one. Its phase counts nowhere: nobody outlined it."""
    rng = np.random.default_rng(seed)
    slab = slabs[int(rng.integers(len(slabs)))]
    middle, slices = _choose(rng, slab)
    image, outside, target = _cut(rng, slab, (middle, slices), shape)
    padding = draw_padding(rng, outside)
    image = _alter(rng, image, slab.modality)
    image[:, padding] = 0.0
    target[padding] = NetworkClass.BACKGROUND
    zero = np.zeros(shape, np.uint8)
    look = Look.CT if slab.modality is Modality.CT else Look.RANDOM
    return Sample(
        image=image, target=target, phase=np.zeros((2, *shape), np.float32), column=zero, level=zero, look=look
    )


def _choose(rng: np.random.Generator, slab: RealSlab) -> tuple[int, list[list[int]]]:
    """The slice to segment, and which slices are averaged for each of the three channels."""
    count = len(slab.images)
    among = slab.shown if len(slab.shown) and rng.random() < _WITH_BODY else np.arange(count)
    middle = int(rng.choice(among))
    thick = int(rng.integers(1, max(1, min(int(_THICKEST_MM / slab.step_mm), 5)) + 1))
    stride = max(neighbour_stride(slab.step_mm), thick if thick * slab.step_mm <= _THICKEST_MM else 0)
    if rng.random() < _ALONE or neighbour_stride(slab.step_mm) == 0:
        stride = 0
    centres = [middle + shift for shift in (-stride, 0, stride)]
    centres = [place if 0 <= place < count else middle for place in centres]
    if rng.random() < 0.5:
        centres.reverse()
    around = range(-(thick // 2), thick - thick // 2)
    return middle, [[min(max(place + shift, 0), count - 1) for shift in around] for place in centres]


def _cut(
    rng: np.random.Generator, slab: RealSlab, chosen: tuple[int, list[list[int]]], shape: tuple[int, int]
) -> tuple[Float, NDArray[np.bool_], NDArray[np.uint8]]:
    """The window ``[channel, row, column]`` around a point of the slice, where it leaves the image, and its target."""
    middle, slices = chosen
    rows, columns = slab.images.shape[1:]
    angle, scale = (
        np.radians(np.clip(rng.normal(0, 9), -30, 30)),
        float(np.exp(np.clip(rng.normal(0, 0.11), -0.3, 0.3))),
    )
    row = rows / 2 + rng.uniform(-1, 1) * max(0.0, (rows - 0.75 * shape[0]) / 2)
    column = columns / 2 + float(np.clip(rng.normal(0, 0.4), -1, 1)) * _WANDER_MM
    r = np.arange(shape[0], dtype=np.float32)[:, None] - shape[0] / 2
    c = np.arange(shape[1], dtype=np.float32)[None, :] - shape[1] / 2
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    places = np.stack([row + cosine * r - sine * c, column + sine * r + cosine * c])
    outside = (places[0] < 0) | (places[0] > rows - 1) | (places[1] < 0) | (places[1] > columns - 1)
    near = [np.clip(np.rint(places[k]).astype(int), 0, size - 1) for k, size in enumerate((rows, columns))]
    outside |= slab.padding[middle][near[0], near[1]]
    image = np.stack(
        [
            ndimage.map_coordinates(
                slab.images[planes].astype(np.float32).mean(axis=0), places, order=1, mode="nearest"
            )
            for planes in slices
        ]
    )
    return image.astype(np.float32), outside, slab.targets[middle][near[0], near[1]].copy()


def _alter(rng: np.random.Generator, image: Float, modality: Modality) -> Float:
    """Another scanner's blur, shading, gamma and noise; CT keeps its Hounsfield units but for noise."""
    if rng.random() < 0.4:
        image = ndimage.gaussian_filter(image, (0.0, *rng.uniform(0.2, 1.1, 2)))
    if modality is Modality.MR:
        image = image ** np.float32(np.exp(rng.normal(0, 0.35)))
        image = image * np.exp(smooth_field(rng, (image.shape[1], image.shape[2]), 4, float(rng.uniform(0, 0.3))))
        image = image * np.float32(np.exp(rng.normal(0, 0.12)))
    sigma = np.float32(np.exp(rng.uniform(np.log(0.003), np.log(0.06))))
    grainy = image + sigma * noise(rng, (image.shape[0], image.shape[1], image.shape[2]), int(rng.choice([0, 0, 1])))
    return np.ascontiguousarray(np.clip(grainy, 0, 1), dtype=np.float32)
