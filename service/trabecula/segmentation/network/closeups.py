"""Close-ups: every sagittal slice of one body with its neighbours in fine pixels, relative to the body's own marrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.domain.volume import FloatArray, Volume
from trabecula.segmentation.network.grids import Axes, Grid
from trabecula.segmentation.network.inference import Maps, neighbour_stride
from trabecula.segmentation.network.instances import Instances
from trabecula.segmentation.network.preprocess import Intensity
from trabecula.segmentation.network.stack import cut_plane, resampling

Float = NDArray[np.float32]

PIXEL_MM = 0.8
NEIGHBOURS = (-2, -1, 0, 1, 2)
"""The slices of a close-up, counted from the one to be outlined in steps of the neighbours that the network sees."""
CHANNELS = len(NEIGHBOURS) + 1
"""The neighbours, and the outline so far."""
MULTIPLE = 8
"""Rows and columns of a close-up are multiples of this."""
UNSEEN = -1.5
"""What stands where nothing was measured; measured values are clipped to UNSEEN and its opposite."""
_CT_SPREAD = 0.7
_LEAST_SPREAD = 0.05
_MARGIN_MM = 6.0
_SMALLEST, _LARGEST = 48, 96
_MARROW, _CORE_VOXELS, _CORE_STEPS = 0.8, 50, 2


@dataclass(frozen=True, eq=False)
class CloseUp:
    """One body's ``images`` float32 ``[plane, channel, row, column]`` of 0.8 mm pixels: neighbouring slices, zero where
    they are like its marrow, and the body with its rim as outlined so far (0-1).

    ``first`` is the stack plane of the first; ``rows`` and ``columns`` are places on the stack, in samples.
    """

    first: int
    rows: FloatArray
    columns: FloatArray
    images: Float


def relative(image: Float, middle: float, ct: bool, shown: Float) -> Float:
    """Values in 0-1 relative to marrow of the value ``middle``, in spreads: 700 HU on CT, on MR from the 2nd to the
    98th percentile of what is ``shown``."""
    spread = _CT_SPREAD
    if not ct:
        low, high = np.percentile(shown, (2, 98))
        spread = max(float(high - low), _LEAST_SPREAD)
    return np.asarray(np.clip((image - np.float32(middle)) / np.float32(spread), UNSEEN, -UNSEEN), dtype=np.float32)


class Camera:
    """Takes close-ups of the bodies of one stack out of its volume."""

    def __init__(self, volume: Volume, grid: Grid, maps: Maps, instances: Instances, intensity: Intensity) -> None:
        self._volume, self._grid, self._intensity = volume, grid, intensity
        self._basins = instances.basins
        self._marrow = maps.probability(*instances.marrow)
        self._with_rim = self._marrow + maps.probability("rim")
        self._stride = neighbour_stride(grid.side_step_mm)

    def outline(self, number: int) -> NDArray[np.bool_]:
        """A body with its rim on the stack, as outlined so far."""
        return np.asarray((self._basins == number) & (self._with_rim > 0.5), dtype=np.bool_)

    def take(self, number: int) -> CloseUp | None:
        """The close-up of a body, one plane beyond it on both sides; None where nothing is outlined."""
        outline = self.outline(number)
        box = ndimage.find_objects(outline.view(np.uint8))
        if not box:
            return None
        side, row, column = box[0]
        count = self._grid.shape[0]
        planes = np.arange(max(side.start - 1, 0), min(side.stop + 1, count))
        reach = NEIGHBOURS[-1] * self._stride
        cut = slice(max(planes[0] - reach, 0), min(planes[-1] + 1 + reach, count))
        rows, columns = _places(row), _places(column)
        images, seen = self._cut(cut, rows, columns)
        shown = images[planes[0] - cut.start : planes[-1] + 1 - cut.start]
        middle = self._middle_of_marrow(outline[cut], cut, images, (rows, columns))
        images = relative(images, middle, self._volume.modality is Modality.CT, shown)
        images[~seen] = UNSEEN
        neighbours = images[self._neighbours(planes) - cut.start]
        drawn = self._drawn(outline[planes[0] : planes[-1] + 1], rows, columns)
        return CloseUp(int(planes[0]), rows, columns, np.concatenate([neighbours, drawn[:, None]], axis=1))

    def _drawn(self, outline: NDArray[np.bool_], rows: FloatArray, columns: FloatArray) -> Float:
        """The outline so far in fine pixels."""
        row, column = resampling(self._grid.shape[1], rows), resampling(self._grid.shape[2], columns)
        return np.stack([(column @ (row @ plane.astype(np.float32)).T).T for plane in outline]).astype(np.float32)

    def _neighbours(self, planes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Stack planes ``[plane, neighbour]``; one beyond the stack is replaced by the next one inside."""
        found = np.empty((len(planes), len(NEIGHBOURS)), dtype=np.intp)
        last = self._grid.shape[0] - 1
        middle = len(NEIGHBOURS) // 2
        found[:, middle] = planes
        for toward in (-1, 1):
            for away in range(1, middle + 1):
                wanted = planes + toward * away * self._stride
                inner = found[:, middle + toward * (away - 1)]
                found[:, middle + toward * away] = np.where((wanted < 0) | (wanted > last), inner, wanted)
        return found

    def _middle_of_marrow(
        self, outline: NDArray[np.bool_], planes: slice, images: Float, places: tuple[FloatArray, FloatArray]
    ) -> float:
        """The median of what is surely the body's marrow, inside its border where enough of it lies there."""
        sure = outline & (self._marrow[planes] > _MARROW)
        inner = ndimage.binary_erosion(sure, np.ones((1, 3, 3), dtype=bool), iterations=_CORE_STEPS)
        if inner.sum() > _CORE_VOXELS:
            sure = inner
        row, column = (
            np.clip(np.rint(place).astype(np.intp), 0, size - 1)
            for place, size in zip(places, self._grid.shape[1:], strict=True)
        )
        picked = images[sure[:, row][:, :, column]]
        return float(np.median(picked if picked.size else images))

    def _cut(self, planes: slice, rows: FloatArray, columns: FloatArray) -> tuple[Float, NDArray[np.bool_]]:
        """Images ``[plane, row, column]`` in 0-1, and what of them was measured."""
        axes = self._grid.axes
        side = self._grid.side[planes]
        row, column = _native(self._grid.row, rows), _native(self._grid.column, columns)
        box = tuple(_span(place, size) for place, size in zip((side, row, column), axes.sizes, strict=True))
        sizes = (box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start)
        inside = [
            np.clip(place, 0, size - 1) - part.start
            for place, size, part in zip((side, row, column), axes.sizes, box, strict=True)
        ]
        local = Axes((0, 1, 2), axes.signs, sizes, axes.steps_mm)
        grid = Grid(axes=local, side=inside[0], row=inside[1], column=inside[2], side_step_mm=self._grid.side_step_mm)
        weights = resampling(sizes[1], inside[1]), resampling(sizes[2], inside[2])

        def cut(array: NDArray[np.generic]) -> Float:
            part = np.ascontiguousarray(np.transpose(array, axes.order)[box], dtype=np.float32)
            return np.stack([cut_plane(part, grid, k, *weights) for k in range(len(side))])

        images = cut(self._volume.array)
        seen = np.isfinite(images)
        if self._volume.padding is not None:
            seen &= cut(self._volume.padding) < 0.5
        seen &= _within(row, axes.sizes[1])[:, None] & _within(column, axes.sizes[2])[None, :]
        return self._intensity.apply(np.where(np.isfinite(images), images, self._intensity.low)), seen


def _places(part: slice) -> FloatArray:
    """Places of fine pixels around a range of stack samples (1 mm each)."""
    length = part.stop - part.start
    count = MULTIPLE * int(np.ceil((length + 2 * _MARGIN_MM) / PIXEL_MM / MULTIPLE))
    count = min(max(count, _SMALLEST), _LARGEST)
    middle = (part.start + part.stop - 1) / 2
    return np.asarray(middle + PIXEL_MM * (np.arange(count) - (count - 1) / 2), dtype=np.float64)


def _native(place: FloatArray, wanted: FloatArray) -> FloatArray:
    """Array indices of places on a stack whose samples lie at ``place``, beyond its ends too."""
    step = float(place[1] - place[0]) if len(place) > 1 else 1.0
    return np.asarray(place[0] + step * wanted, dtype=np.float64)


def _span(place: FloatArray, size: int) -> slice:
    """The array indices that interpolation at these places needs."""
    inside = np.clip(place, 0, size - 1)
    step = float(np.abs(np.diff(place)).max()) if len(place) > 1 else 1.0
    reach = int(np.ceil(max(step, 1.0))) + 1
    return slice(max(int(inside.min()) - reach, 0), min(int(inside.max()) + reach + 1, size))


def _within(place: FloatArray, size: int) -> NDArray[np.bool_]:
    return (place >= -0.6) & (place <= size - 0.4)
